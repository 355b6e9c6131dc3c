using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Devices;
using CocoGuest.Machine.Files;
using CocoGuest.Service.Errors;
using CocoGuest.Service.Requests;
using CocoGuest.V1;
using Google.Protobuf;
using Grpc.Core;

namespace CocoGuest.Service.Services;

/// <summary>DeviceService: what simulated devices do.</summary>
internal sealed class DeviceCalls(CallEntry entry) : DeviceService.DeviceServiceBase
{
    /// <inheritdoc/>
    public override Task<RegisterDeviceResponse> RegisterDevice(RegisterDeviceRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        if (request.Mode is not (DeviceMode.Mapped or DeviceMode.Mediated))
        {
            GrpcErrors.Throw(new Failure(Errno.EINVAL, "register_device", "check mode",
                $"mode {(int)request.Mode} is neither MAPPED nor MEDIATED.", "mode"));
        }

        GuestDevice device = process.Guest.Devices.Register(process, new DeviceSpec
        {
            Name = request.Name,
            Kind = request.Kind,
            DmaMask = request.HasDmaMask ? request.DmaMask : ulong.MaxValue,
            Trusted = request.Trusted,
            Mediated = request.Mode == DeviceMode.Mediated,
            MinAlignMask = request.MinAlignMask,
        }).OrThrow();
        return Task.FromResult(new RegisterDeviceResponse { Device = device.Name });
    }

    /// <inheritdoc/>
    public override Task<UnregisterDeviceResponse> UnregisterDevice(UnregisterDeviceRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        process.Guest.Devices.Unregister(process, request.Device).ThrowIfFailed();
        return Task.FromResult(new UnregisterDeviceResponse());
    }

    /// <inheritdoc/>
    public override Task<DmaReadResponse> DmaRead(DmaReadRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        byte[] data = RequestFields.BufferFor(request.Length, "dma_read");
        process.Guest.Devices.DmaRead(process, request.Device, request.DmaAddress, data).ThrowIfFailed();
        return Task.FromResult(new DmaReadResponse { Data = UnsafeByteOperations.UnsafeWrap(data) });
    }

    /// <inheritdoc/>
    public override Task<DmaWriteResponse> DmaWrite(DmaWriteRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        process.Guest.Devices.DmaWrite(process, request.Device, request.DmaAddress, request.Data.Span).ThrowIfFailed();
        return Task.FromResult(new DmaWriteResponse());
    }
}
