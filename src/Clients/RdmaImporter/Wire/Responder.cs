using CocoGuest.Client;
using CocoGuest.RdmaImporter.Keys;

namespace CocoGuest.RdmaImporter.Wire;

/// <summary>
/// The passive side of a connection: serves RDMA WRITE and READ of a peer on the device's regions.
/// Models: key, protection domain, access and range checked before any byte moves (S-RDMA-37); a DMA fault becomes REM_OP_ERR
/// (S-RDMA-36); the connection closes after the first error (S-RDMA-33).
/// Does not model: packets, retries, credits, SEND, atomics.
/// </summary>
/// <param name="keys">The device's keys.</param>
/// <param name="pd">Protection domain of the connection.</param>
/// <param name="counters">What moved.</param>
internal sealed class Responder(KeyTable keys, uint pd, RdmaCounters counters)
{
    private readonly byte[] _header = new byte[Header.Size];
    private readonly byte[] _piece = new byte[Header.Piece];

    /// <summary>Serves until the peer hangs up or a request fails.</summary>
    /// <param name="stream">The connection.</param>
    /// <param name="cancel">Ends it.</param>
    /// <returns>The status that ended it; SUCCESS when the peer hung up between requests.</returns>
    public async Task<CompletionStatus> ServeAsync(Stream stream, CancellationToken cancel)
    {
        while (true)
        {
            int got = await stream.ReadAtLeastAsync(_header, Header.Size, throwOnEndOfStream: false, cancel);
            if (got < Header.Size)
                return CompletionStatus.SUCCESS;
            var request = Header.Parse(_header);
            CompletionStatus status = request.Opcode switch
            {
                Opcode.Write => await WriteAsync(stream, request, cancel),
                Opcode.Read => await ReadAsync(stream, request, cancel),
                _ => await AnswerAsync(stream, request, CompletionStatus.REM_INV_REQ_ERR, cancel),
            };
            if (status != CompletionStatus.SUCCESS)
            {
                counters.Refused(status);
                return status;
            }
        }
    }

    private async Task<CompletionStatus> WriteAsync(Stream stream, Header request, CancellationToken cancel)
    {
        if (request.Length > Header.MaxMessage)
            return await AnswerAsync(stream, request, CompletionStatus.REM_INV_REQ_ERR, cancel);
        CompletionStatus status = Check(request, AccessFlags.RemoteWrite, out MemoryRegion? region);
        // A refused message is read to its end all the same: closing on unread bytes would lose the answer.
        for (ulong done = 0UL; done < request.Length;)
        {
            Memory<byte> piece = _piece.AsMemory(0, (int)Math.Min(request.Length - done, Header.Piece));
            await stream.ReadExactlyAsync(piece, cancel);
            if (status == CompletionStatus.SUCCESS)
                status = await MoveAsync(() => region!.WriteAsync(request.Address + done, piece, cancel));
            done += (ulong)piece.Length;
        }

        if (status == CompletionStatus.SUCCESS)
            counters.WrittenByPeer(request.Length);
        return await AnswerAsync(stream, request, status, cancel);
    }

    private async Task<CompletionStatus> ReadAsync(Stream stream, Header request, CancellationToken cancel)
    {
        if (request.Length > Header.MaxMessage)
            return await AnswerAsync(stream, request, CompletionStatus.REM_INV_REQ_ERR, cancel);
        CompletionStatus status = Check(request, AccessFlags.RemoteRead, out MemoryRegion? region);
        if (status != CompletionStatus.SUCCESS || request.Length == 0)
            return await AnswerAsync(stream, request, status, cancel);
        for (ulong done = 0UL; done < request.Length;)
        {
            Memory<byte> piece = _piece.AsMemory(0, (int)Math.Min(request.Length - done, Header.Piece));
            status = await MoveAsync(() => region!.ReadAsync(request.Address + done, piece, cancel));
            if (status != CompletionStatus.SUCCESS)
                return await AnswerAsync(stream, request, status, cancel);
            new Header(Opcode.ReadResponse, status, request.Id, request.Address + done, (ulong)piece.Length, request.Rkey).Write(_header);
            await stream.WriteAsync(_header, cancel);
            await stream.WriteAsync(piece, cancel);
            done += (ulong)piece.Length;
        }

        counters.ReadByPeer(request.Length);
        return CompletionStatus.SUCCESS;
    }

    private CompletionStatus Check(Header request, AccessFlags wanted, out MemoryRegion? region) =>
        keys.Check(request.Rkey, pd, wanted, request.Address, request.Length, out region) == KeyCheck.Ok
            ? CompletionStatus.SUCCESS
            : CompletionStatus.REM_ACCESS_ERR;

    private static async Task<CompletionStatus> MoveAsync(Func<Task> move)
    {
        try
        {
            await move();
            return CompletionStatus.SUCCESS;
        }
        catch (CocoException e) when (e is not ServerGoneException)
        {
            return CompletionStatus.REM_OP_ERR;
        }
        catch (ObjectDisposedException)
        {
            // The region was deregistered under the request.
            return CompletionStatus.REM_OP_ERR;
        }
    }

    private async Task<CompletionStatus> AnswerAsync(Stream stream, Header request, CompletionStatus status, CancellationToken cancel)
    {
        new Header(Opcode.Acknowledge, status, request.Id, request.Address, 0, request.Rkey).Write(_header);
        await stream.WriteAsync(_header, cancel);
        return status;
    }
}
