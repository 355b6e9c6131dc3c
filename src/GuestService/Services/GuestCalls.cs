using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Mappings;
using CocoGuest.Service.Access;
using CocoGuest.Service.Errors;
using CocoGuest.Service.Processes;
using CocoGuest.Service.Requests;
using CocoGuest.V1;
using Google.Protobuf;
using Grpc.Core;

namespace CocoGuest.Service.Services;

/// <summary>
/// GuestService: processes, buffers and mappings. Each call is checked, done under one lock of the machine, and answered at once.
/// </summary>
internal sealed partial class GuestCalls(
    CallEntry entry, ProcessSessions sessions, FdTokens fdTokens, ShareTokenReaper reaper, ProcessOpenedWriter writer,
    AccessGate gate, ILogger<GuestCalls> log)
    : GuestService.GuestServiceBase
{
    private const uint ReadWriteCloseOnExec = 0x80002;

    /// <inheritdoc/>
    public override async Task OpenProcess(
        OpenProcessRequest request, IServerStreamWriter<OpenProcessResponse> responseStream, ServerCallContext context)
    {
        UnixPeer? peer = CallEntry.PeerOf(context);
        ProcessSession session = request.Process.Length == 0
            ? sessions.Open(entry.Guest(context, request.Guest), request.Name, peer, !gate.MayAll(context.GetHttpContext())).OrThrow()
            : Rejoin(request, context);
        using StreamLease lease = await sessions.AttachAsync(session, peer);
        Failure? complaint;
        try
        {
            await responseStream.WriteAsync(new OpenProcessResponse { Opened = writer.Write(session) }, context.CancellationToken);
            complaint = await ProcessStream.RunAsync(session, lease, responseStream.WriteAsync, log, context.CancellationToken);
        }
        catch (Exception) when (context.CancellationToken.IsCancellationRequested)
        {
            // The client was gone before the first message.
            complaint = null;
        }
        finally
        {
            sessions.Detach(session, lease);
        }

        complaint.ThrowIfFailed();
    }

    /// <inheritdoc/>
    public override Task<ExitProcessResponse> ExitProcess(ExitProcessRequest request, ServerCallContext context)
    {
        ProcessSession session = entry.Process(context, "", request.Process);
        sessions.Exit(session).ThrowIfFailed();
        return Task.FromResult(new ExitProcessResponse());
    }

    /// <inheritdoc/>
    public override Task<AllocateBufferResponse> AllocateBuffer(AllocateBufferRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        uint fdFlags = request.HasFdFlags ? request.FdFlags : ReadWriteCloseOnExec;
        CheckUseAlone(request);
        BufferHandle buffer = (request.Use.Length == 0
            ? process.Guest.Heaps.Allocate(process, request.Heap, request.Len, fdFlags, request.HeapFlags)
            : process.Guest.Heaps.AllocateByUse(process, request.Use, request.Len, fdFlags)).OrThrow();
        return Task.FromResult(new AllocateBufferResponse
        {
            Fd = buffer.Fd,
            Size = buffer.Size,
            Ino = buffer.Inode,
            HostVisible = buffer.HostVisible,
        });
    }

    /// <inheritdoc/>
    public override Task<MmapResponse> Mmap(MmapRequest request, ServerCallContext context)
    {
        ProcessSession session = entry.Process(context, request.Guest, request.Process);
        MmapResult mapping = session.Process.Guest.Mappings.Mmap(
            session.Process,
            request.Fd,
            request.Offset,
            request.Length == 0 ? null : request.Length,
            request.HasProt ? (MapProtection)request.Prot : null,
            request.HasFlags ? (MapFlags)request.Flags : MapFlags.Shared).OrThrow();
        var response = new MmapResponse { Address = mapping.Address, Length = mapping.Length };
        if (mapping.Backing is { } backing)
        {
            response.FdToken = fdTokens.Issue(session, backing);
            response.FdOffset = mapping.Offset;
            response.BackingId = backing.Id;
            response.BrokerPath = fdTokens.BrokerPath;
        }

        return Task.FromResult(response);
    }

    /// <inheritdoc/>
    public override Task<MunmapResponse> Munmap(MunmapRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        process.Guest.Mappings.Munmap(process, request.Address).ThrowIfFailed();
        return Task.FromResult(new MunmapResponse());
    }

    /// <inheritdoc/>
    public override Task<LoadResponse> Load(LoadRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        byte[] data = RequestFields.BufferFor(request.Length, "load");
        process.Guest.Mappings.Load(process, request.Address, data).ThrowIfFailed();
        return Task.FromResult(new LoadResponse { Data = UnsafeByteOperations.UnsafeWrap(data) });
    }

    /// <inheritdoc/>
    public override Task<StoreResponse> Store(StoreRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        process.Guest.Mappings.Store(process, request.Address, request.Data.Span).ThrowIfFailed();
        return Task.FromResult(new StoreResponse());
    }

    /// <inheritdoc/>
    public override Task<ReleaseResponse> Release(ReleaseRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        process.Guest.Buffers.Release(process, request.Fd).ThrowIfFailed();
        return Task.FromResult(new ReleaseResponse());
    }

    private ProcessSession Rejoin(OpenProcessRequest request, ServerCallContext context)
    {
        ProcessSession session = entry.Process(context, request.Guest, request.Process);
        Handle128 secret = RequestFields.Handle(request.Secret, "secret", "open_process");
        if (!SecretEquals(secret, session.Process.Secret))
        {
            GrpcErrors.Throw(new Failure(Errno.EPERM, "open_process", "check secret", "The secret is not this process' secret.", "secret"));
        }

        return session;
    }

    private static bool SecretEquals(Handle128 a, Handle128 b)
    {
        Span<byte> bytes = stackalloc byte[32];
        a.WriteBytes(bytes);
        b.WriteBytes(bytes[16..]);
        return System.Security.Cryptography.CryptographicOperations.FixedTimeEquals(bytes[..16], bytes[16..]);
    }
}
