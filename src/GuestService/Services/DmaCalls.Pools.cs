using CocoGuest.Machine;
using CocoGuest.Machine.Devices;
using CocoGuest.Machine.Dma.Allocation;
using CocoGuest.Machine.Files;
using CocoGuest.Service.Errors;
using CocoGuest.V1;
using Grpc.Core;

namespace CocoGuest.Service.Services;

/// <summary>DmaService: pools of small blocks.</summary>
internal sealed partial class DmaCalls
{
    /// <inheritdoc/>
    public override Task<CreatePoolResponse> CreatePool(CreatePoolRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        DmaPoolInfo pool = process.Guest.DmaApi.CreatePool(
            process, request.Device, request.Name, request.Size, request.Align, request.Boundary).OrThrow();
        return Task.FromResult(new CreatePoolResponse { Pool = pool.Id, BlockSize = pool.BlockSize, Boundary = pool.Boundary });
    }

    /// <inheritdoc/>
    public override Task<AllocFromPoolResponse> AllocFromPool(AllocFromPoolRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        DmaPoolBlock block = process.Guest.DmaApi.AllocFromPool(
            process, request.Pool, (DmaAllocationFlags)request.Flags, request.Cpu).OrThrow();
        return Task.FromResult(new AllocFromPoolResponse
        {
            DmaAddress = block.DmaAddress,
            Allocation = block.Allocation,
            Offset = block.Offset,
        });
    }

    /// <inheritdoc/>
    public override Task<FreeToPoolResponse> FreeToPool(FreeToPoolRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        process.Guest.DmaApi.FreeToPool(process, request.Pool, request.DmaAddress).ThrowIfFailed();
        return Task.FromResult(new FreeToPoolResponse());
    }

    /// <inheritdoc/>
    public override Task<DestroyPoolResponse> DestroyPool(DestroyPoolRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        process.Guest.DmaApi.DestroyPool(process, request.Pool).ThrowIfFailed();
        return Task.FromResult(new DestroyPoolResponse());
    }
}
