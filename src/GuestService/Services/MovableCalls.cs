using CocoGuest.Machine;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Fences;
using CocoGuest.Machine.Files;
using CocoGuest.Service.Errors;
using CocoGuest.Service.Requests;
using CocoGuest.V1;
using Grpc.Core;

namespace CocoGuest.Service.Services;

/// <summary>
/// MovableService: buffers that move, and their dynamic importers. Only a move waits, and it does so outside the guest's lock.
/// </summary>
internal sealed class MovableCalls(CallEntry entry) : MovableService.MovableServiceBase
{
    private const uint ReadWriteCloseOnExec = 0x80002;

    /// <inheritdoc/>
    public override Task<AllocateMovableResponse> AllocateMovable(AllocateMovableRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        uint fdFlags = request.HasFdFlags ? request.FdFlags : ReadWriteCloseOnExec;
        BufferHandle buffer = process.Guest.Moves.Allocate(process, request.Len, fdFlags).OrThrow();
        return Task.FromResult(new AllocateMovableResponse
        {
            Fd = buffer.Fd,
            Size = buffer.Size,
            Ino = buffer.Inode,
            HostVisible = buffer.HostVisible,
        });
    }

    /// <inheritdoc/>
    public override Task<AttachDynamicResponse> AttachDynamic(AttachDynamicRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        ImportedBuffer imported = process.Guest.Importers
            .Attach(process, request.Fd, request.Device, ImporterOps.WithInvalidate).OrThrow();
        return Task.FromResult(new AttachDynamicResponse { Attachment = imported.Attachment, Size = imported.Size });
    }

    /// <inheritdoc/>
    public override async Task<MigrateBufferResponse> MigrateBuffer(MigrateBufferRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        TimeSpan patience = RequestFields.Nanoseconds(request.PatienceNanoseconds, "patience_nanoseconds", "migrate_buffer");
        FenceWait? wait = process.Guest.Moves.Migrate(process, request.Fd, patience).OrThrow();
        await wait.EndAsync(process.Guest, context.CancellationToken);
        return new MigrateBufferResponse();
    }

    /// <inheritdoc/>
    public override Task<PinBufferResponse> PinBuffer(PinBufferRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        process.Guest.Importers.Pin(process, request.Attachment).ThrowIfFailed();
        return Task.FromResult(new PinBufferResponse());
    }

    /// <inheritdoc/>
    public override Task<UnpinBufferResponse> UnpinBuffer(UnpinBufferRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        process.Guest.Importers.Unpin(process, request.Attachment).ThrowIfFailed();
        return Task.FromResult(new UnpinBufferResponse());
    }
}
