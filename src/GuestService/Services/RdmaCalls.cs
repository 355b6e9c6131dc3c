using CocoGuest.Machine;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Rdma;
using CocoGuest.Service.Errors;
using CocoGuest.Service.Processes;
using CocoGuest.V1;
using Grpc.Core;

namespace CocoGuest.Service.Services;

/// <summary>RdmaService: protection domains and memory regions. No call waits.</summary>
internal sealed class RdmaCalls(CallEntry entry) : RdmaService.RdmaServiceBase
{
    /// <summary>An entry takes some 15 bytes on the wire, so that the longest answer stays below the 4 MiB that clients accept.</summary>
    private const int MostEntries = 65536;

    /// <inheritdoc/>
    public override Task<AddRdmaDeviceResponse> AddRdmaDevice(AddRdmaDeviceRequest request, ServerCallContext context)
    {
        ProcessSession session = entry.Process(context, request.Guest, request.Process);
        entry.CheckMayLeave(context, session, "rdma_link_add");
        GuestProcess process = session.Process;
        RdmaDevice device = process.Guest.Rdma.AddDevice(
            process, request.RdmaDevice, request.Device.Length == 0 ? null : request.Device).OrThrow();
        return Task.FromResult(new AddRdmaDeviceResponse
        {
            RdmaDevice = device.Name,
            HasDmabufRegions = device.HasDmaBufRegions,
            NeedsBounce = device.NeedsBounce,
        });
    }

    /// <inheritdoc/>
    public override Task<AllocPdResponse> AllocPd(AllocPdRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        return Task.FromResult(new AllocPdResponse { Pd = process.Guest.Rdma.AllocPd(process, request.RdmaDevice).OrThrow() });
    }

    /// <inheritdoc/>
    public override Task<DeallocPdResponse> DeallocPd(DeallocPdRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        process.Guest.Rdma.DeallocPd(process, request.Pd).ThrowIfFailed();
        return Task.FromResult(new DeallocPdResponse());
    }

    /// <inheritdoc/>
    public override Task<RegUserMrResponse> RegUserMr(RegUserMrRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        MemoryRegion region = process.Guest.Rdma.RegisterMr(
            process, request.Pd, request.Address, request.Length, request.Iova, (RdmaAccess)request.Access).OrThrow();
        return Task.FromResult(new RegUserMrResponse { Region = Write(region) });
    }

    /// <inheritdoc/>
    public override Task<RegDmabufMrResponse> RegDmabufMr(RegDmabufMrRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        MemoryRegion region = process.Guest.Rdma.RegisterDmaBufMr(
            process, request.Pd, request.Fd, request.Offset, request.Length, request.Iova, (RdmaAccess)request.Access).OrThrow();
        return Task.FromResult(new RegDmabufMrResponse { Region = Write(region) });
    }

    /// <inheritdoc/>
    public override Task<DeregMrResponse> DeregMr(DeregMrRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        process.Guest.Rdma.DeregisterMr(process, request.Key).ThrowIfFailed();
        return Task.FromResult(new DeregMrResponse());
    }

    private static RdmaRegion Write(MemoryRegion region)
    {
        var wire = new RdmaRegion
        {
            Key = region.Key,
            Pd = region.Pd,
            Iova = region.Iova,
            Length = region.Length,
            EntryCount = (ulong)region.Entries.Count,
        };
        wire.Entries.AddRange(region.Entries
            .Take(MostEntries)
            .Select(e => new RdmaRegionEntry { DeviceAddress = e.Phys, Length = e.Length }));
        return wire;
    }
}
