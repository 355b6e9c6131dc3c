using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Profiles;
using CocoGuest.Service.Errors;
using CocoGuest.Service.Processes;
using CocoGuest.Service.Requests;
using CocoGuest.V1;
using Grpc.Core;

namespace CocoGuest.Service.Services;

/// <summary>GuestService: names, share tokens and importers.</summary>
internal sealed partial class GuestCalls
{
    /// <inheritdoc/>
    public override async Task<SyncBufferResponse> SyncBuffer(SyncBufferRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        SyncOutcome outcome = process.Guest.Importers.Sync(process, request.Fd, request.Flags).OrThrow();
        await outcome.Wait.EndAsync(process.Guest, context.CancellationToken);
        return new SyncBufferResponse { BytesToBuffer = outcome.BytesToBuffer, BytesToDevice = outcome.BytesToDevice };
    }

    /// <inheritdoc/>
    public override Task<SetBufferNameResponse> SetBufferName(SetBufferNameRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        process.Guest.Buffers.SetName(process, request.Fd, request.Name).ThrowIfFailed();
        return Task.FromResult(new SetBufferNameResponse());
    }

    /// <inheritdoc/>
    public override Task<StatBufferResponse> StatBuffer(StatBufferRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        BufferStat stat = process.Guest.Buffers.Stat(process, request.Fd).OrThrow();
        var response = new StatBufferResponse
        {
            Size = stat.Size,
            Ino = stat.Inode,
            ExpName = stat.Exporter,
            Count = stat.Count,
            Fdinfo = stat.FdInfo,
            Shared = stat.Shared,
            HostVisible = stat.HostVisible,
        };
        if (stat.Name is not null)
        {
            response.Name = stat.Name;
        }

        foreach (Machine.Memory.Frames.Chunk chunk in stat.Chunks)
        {
            response.Chunks.Add(new V1.Chunk { GuestPhysicalAddress = chunk.Address, Length = chunk.Bytes });
        }

        response.AttachedDevices.AddRange(stat.AttachedDevices);
        return Task.FromResult(response);
    }

    /// <inheritdoc/>
    public override Task<ExportBufferResponse> ExportBuffer(ExportBufferRequest request, ServerCallContext context)
    {
        ProcessSession session = entry.Process(context, request.Guest, request.Process);
        GuestProcess process = session.Process;
        Handle128? addressee = request.ToProcess.Length == 0 ? null : RequestFields.Handle(request.ToProcess, "to_process", "export");
        TimeSpan life = RequestFields.Nanoseconds(request.ExpiresAfterNanoseconds, "expires_after_nanoseconds", "export");
        if (life > GuestLimits.DefaultTokenLife)
        {
            entry.CheckMayLeave(context, session, "export");
        }

        Handle128 token = reaper.Export(process, request.Fd, addressee, life).OrThrow();
        return Task.FromResult(new ExportBufferResponse { ShareToken = token.ToString() });
    }

    /// <inheritdoc/>
    public override Task<ImportBufferResponse> ImportBuffer(ImportBufferRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        Handle128 token = RequestFields.Handle(request.ShareToken, "share_token", "import");
        BufferHandle buffer = process.Guest.Buffers.Import(process, token).OrThrow();
        return Task.FromResult(new ImportBufferResponse
        {
            Fd = buffer.Fd,
            Size = buffer.Size,
            Ino = buffer.Inode,
            HostVisible = buffer.HostVisible,
        });
    }

    /// <inheritdoc/>
    public override Task<AttachResponse> Attach(AttachRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        ImportedBuffer imported = process.Guest.Importers.Attach(process, request.Fd, request.Device).OrThrow();
        return Task.FromResult(new AttachResponse { Attachment = imported.Attachment, Size = imported.Size });
    }

    /// <inheritdoc/>
    public override Task<DetachResponse> Detach(DetachRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        process.Guest.Importers.Detach(process, request.Attachment).ThrowIfFailed();
        return Task.FromResult(new DetachResponse());
    }

    /// <inheritdoc/>
    public override async Task<MapDmaBufResponse> MapDmaBuf(MapDmaBufRequest request, ServerCallContext context)
    {
        ProcessSession session = entry.Process(context, request.Guest, request.Process);
        DmaMapping mapping = session.Process.Guest.Importers
            .Map(session.Process, request.Attachment, RequestFields.Direction(request.Direction, "dma_buf_map_attachment"), request.Cpu)
            .OrThrow();
        await mapping.Wait.EndAsync(session.Process.Guest, context.CancellationToken);
        var response = new MapDmaBufResponse { Bounced = mapping.Bounced };
        response.Segments.Capacity = mapping.Count;
        ulong offset = 0;
        for (int i = 0; i < mapping.Count; i++)
        {
            response.Segments.Add(new DmaSegment { DmaAddress = mapping.AddressOf(i), Length = mapping.LengthOf(i), FdOffset = offset });
            // The memfd has the buffer's bytes in the buffer's order, and so are the segments.
            offset += mapping.Backing is null ? 0 : mapping.LengthOf(i);
        }

        if (mapping.Backing is { } backing)
        {
            response.FdToken = fdTokens.Issue(session, backing);
            response.BackingId = backing.Id;
            response.BrokerPath = fdTokens.BrokerPath;
        }

        return response;
    }

    /// <inheritdoc/>
    public override Task<UnmapDmaBufResponse> UnmapDmaBuf(UnmapDmaBufRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        process.Guest.Importers.Unmap(process, request.Attachment).ThrowIfFailed();
        return Task.FromResult(new UnmapDmaBufResponse());
    }
}
