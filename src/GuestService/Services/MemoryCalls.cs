using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Mappings;
using CocoGuest.Service.Errors;
using CocoGuest.Service.Processes;
using CocoGuest.V1;
using Grpc.Core;

namespace CocoGuest.Service.Services;

/// <summary>MemoryService: a process' memory, fork, and pins of drivers. No call waits.</summary>
internal sealed class MemoryCalls(CallEntry entry, ProcessSessions sessions, ProcessOpenedWriter writer) : MemoryService.MemoryServiceBase
{
    private const uint MayMove = 1;
    private const uint MoveFixed = 2;
    private const uint SyncLater = 1;
    private const uint SyncInvalidate = 2;
    private const uint SyncNow = 4;

    /// <inheritdoc/>
    public override Task<MmapAnonymousResponse> MmapAnonymous(MmapAnonymousRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        MapFlags flags = (request.HasFlags ? (MapFlags)request.Flags : MapFlags.Private) | MapFlags.Anonymous;
        MapProtection? protection = request.HasProt ? (MapProtection)request.Prot : null;
        MmapResult mapping = process.Guest.Mappings.Mmap(process, -1, 0, request.Length, protection, flags, request.Address).OrThrow();
        return Task.FromResult(new MmapAnonymousResponse { Address = mapping.Address, Length = mapping.Length });
    }

    /// <inheritdoc/>
    public override Task<MprotectResponse> Mprotect(MprotectRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        process.Guest.Mappings.Mprotect(process, request.Address, request.Length, (MapProtection)request.Prot).ThrowIfFailed();
        return Task.FromResult(new MprotectResponse());
    }

    /// <inheritdoc/>
    public override Task<MunmapRangeResponse> MunmapRange(MunmapRangeRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        process.Guest.Mappings.Munmap(process, request.Address, request.Length).ThrowIfFailed();
        return Task.FromResult(new MunmapRangeResponse());
    }

    /// <inheritdoc/>
    public override Task<MremapResponse> Mremap(MremapRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        if ((request.Flags & ~(MayMove | MoveFixed)) != 0)
        {
            GrpcErrors.Throw(new Failure(Errno.EINVAL, "mremap", "check flags",
                $"flags 0x{request.Flags:x} have bits outside MREMAP_MAYMOVE and MREMAP_FIXED.", "flags"));
        }

        ulong address = process.Guest.Mappings.Mremap(
            process, request.Address, request.OldLength, request.NewLength, (request.Flags & MayMove) != 0,
            (request.Flags & MoveFixed) != 0 ? request.NewAddress : null).OrThrow();
        return Task.FromResult(new MremapResponse { Address = address });
    }

    /// <inheritdoc/>
    public override Task<MadviseResponse> Madvise(MadviseRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        process.Guest.Mappings.Madvise(process, request.Address, request.Length, request.Advice).ThrowIfFailed();
        return Task.FromResult(new MadviseResponse());
    }

    /// <inheritdoc/>
    public override Task<MsyncResponse> Msync(MsyncRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        if ((request.Flags & ~(SyncLater | SyncInvalidate | SyncNow)) != 0
            || (request.Flags & (SyncLater | SyncNow)) == (SyncLater | SyncNow))
        {
            GrpcErrors.Throw(new Failure(Errno.EINVAL, "msync", "check flags",
                $"flags 0x{request.Flags:x} have bits outside MS_ASYNC, MS_INVALIDATE and MS_SYNC, or both ways of writing.", "flags"));
        }

        process.Guest.Mappings.Msync(process, request.Address, request.Length, (request.Flags & SyncNow) != 0).ThrowIfFailed();
        return Task.FromResult(new MsyncResponse());
    }

    /// <inheritdoc/>
    public override Task<MlockResponse> Mlock(MlockRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        process.Guest.Mappings.Mlock(process, request.Address, request.Length).ThrowIfFailed();
        return Task.FromResult(new MlockResponse());
    }

    /// <inheritdoc/>
    public override Task<MincoreResponse> Mincore(MincoreRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        var response = new MincoreResponse();
        response.Resident.AddRange(process.Guest.Mappings.Mincore(process, request.Address, request.Length).OrThrow());
        return Task.FromResult(response);
    }

    /// <inheritdoc/>
    public override Task<ForkProcessResponse> ForkProcess(ForkProcessRequest request, ServerCallContext context)
    {
        ProcessSession parent = entry.Process(context, request.Guest, request.Process);
        ProcessSession child = sessions.Fork(parent, CallEntry.PeerOf(context)).OrThrow();
        return Task.FromResult(new ForkProcessResponse { Child = writer.Write(child) });
    }

    /// <inheritdoc/>
    public override Task<PinUserPagesResponse> PinUserPages(PinUserPagesRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        UserPin pin = process.Guest.Pins.Pin(process, request.Address, request.Length, request.Write).OrThrow();
        var response = new PinUserPagesResponse { Pin = pin.Id, WantedPages = pin.Wanted };
        response.PageAddresses.AddRange(pin.Pages);
        return Task.FromResult(response);
    }

    /// <inheritdoc/>
    public override Task<UnpinUserPagesResponse> UnpinUserPages(UnpinUserPagesRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        process.Guest.Pins.Unpin(process, request.Pin).ThrowIfFailed();
        return Task.FromResult(new UnpinUserPagesResponse());
    }
}
