using CocoGuest.Machine;
using CocoGuest.Machine.Processes;
using CocoGuest.Service.Errors;
using CocoGuest.Service.Processes;
using CocoGuest.V1;
using Grpc.Core;

namespace CocoGuest.Service.Services;

/// <summary>MemoryService: a process' own memory, fork, and pins of drivers. No call waits.</summary>
internal sealed class MemoryCalls(CallEntry entry, ProcessSessions sessions, ProcessOpenedWriter writer) : MemoryService.MemoryServiceBase
{
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
