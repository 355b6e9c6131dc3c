using CocoGuest.Machine;
using CocoGuest.Machine.Dma;
using CocoGuest.Machine.Dma.Allocation;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Mappings;
using CocoGuest.Service.Errors;
using CocoGuest.Service.Processes;
using CocoGuest.Service.Requests;
using CocoGuest.V1;
using Google.Protobuf;
using Grpc.Core;
using DmaAllocation = CocoGuest.V1.DmaAllocation;
using MachineAllocation = CocoGuest.Machine.Dma.Allocation.DmaAllocation;

namespace CocoGuest.Service.Services;

/// <summary>DmaService: memory allocated for DMA.</summary>
internal sealed partial class DmaCalls
{
    private const string KernelAccess = "kernel access";

    /// <inheritdoc/>
    public override Task<AllocCoherentResponse> AllocCoherent(AllocCoherentRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        MachineAllocation made = process.Guest.DmaApi.AllocAttrs(
            process, request.Device, request.Size, (DmaAllocationFlags)request.Flags, (DmaAttributes)request.Attrs, request.Cpu).OrThrow();
        return Task.FromResult(new AllocCoherentResponse { Memory = Write(made) });
    }

    /// <inheritdoc/>
    public override Task<AllocPagesResponse> AllocPages(AllocPagesRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        MachineAllocation made = process.Guest.DmaApi.AllocPages(
            process, request.Device, request.Size, RequestFields.Direction(request.Direction, "dma_alloc_pages"),
            (DmaAllocationFlags)request.Flags, request.Cpu).OrThrow();
        return Task.FromResult(new AllocPagesResponse { Memory = Write(made) });
    }

    /// <inheritdoc/>
    public override Task<AllocNoncontiguousResponse> AllocNoncontiguous(AllocNoncontiguousRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        MachineAllocation made = process.Guest.DmaApi.AllocNoncontiguous(
            process, request.Device, request.Size, RequestFields.Direction(request.Direction, "dma_alloc_noncontiguous"),
            (DmaAllocationFlags)request.Flags, (DmaAttributes)request.Attrs, request.Cpu).OrThrow();
        return Task.FromResult(new AllocNoncontiguousResponse { Memory = Write(made) });
    }

    /// <inheritdoc/>
    public override Task<FreeAllocationResponse> FreeAllocation(FreeAllocationRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        process.Guest.DmaApi.Free(process, request.Allocation).ThrowIfFailed();
        return Task.FromResult(new FreeAllocationResponse());
    }

    /// <inheritdoc/>
    public override Task<ReadAllocationResponse> ReadAllocation(ReadAllocationRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        byte[] data = RequestFields.BufferFor(request.Length, KernelAccess);
        process.Guest.DmaApi.Read(process, request.Allocation, request.Offset, data).ThrowIfFailed();
        return Task.FromResult(new ReadAllocationResponse { Data = UnsafeByteOperations.UnsafeWrap(data) });
    }

    /// <inheritdoc/>
    public override Task<WriteAllocationResponse> WriteAllocation(WriteAllocationRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        process.Guest.DmaApi.Write(process, request.Allocation, request.Offset, request.Data.Span).ThrowIfFailed();
        return Task.FromResult(new WriteAllocationResponse());
    }

    /// <inheritdoc/>
    public override Task<MmapAllocationResponse> MmapAllocation(MmapAllocationRequest request, ServerCallContext context)
    {
        ProcessSession session = entry.Process(context, request.Guest, request.Process);
        MmapResult mapping = session.Process.Guest.DmaApi.Mmap(
            session.Process, request.Allocation, request.PageOffset, request.Length == 0 ? null : request.Length).OrThrow();
        var response = new MmapAllocationResponse { Address = mapping.Address, Length = mapping.Length };
        if (mapping.Backing is { } backing)
        {
            response.FdToken = fdTokens.Issue(session, backing);
            response.FdOffset = mapping.Offset;
            response.BackingId = backing.Id;
            response.BrokerPath = fdTokens.BrokerPath;
        }

        return Task.FromResult(response);
    }

    private static DmaAllocation Write(MachineAllocation made) => new()
    {
        Allocation = made.Id,
        DmaAddress = made.DmaAddress,
        Phys = made.Phys,
        KernelAddress = made.Virtual,
        Size = made.Size,
        Source = made.Source switch
        {
            DmaMemorySource.RestrictedPool => "restricted pool",
            DmaMemorySource.AtomicPool => "atomic pool",
            _ => "pages",
        },
        Shared = made.Shared,
    };
}
