using CocoGuest.Client;
using CocoGuest.RdmaImporter.Keys;

namespace CocoGuest.RdmaImporter.Wire;

/// <summary>
/// The active side of a connection: posts RDMA WRITE and READ, one at a time.
/// Models: local key, access and range checked first (LOC_PROT_ERR), messages over 2^31 bytes (LOC_LEN_ERR), completion codes of
/// S-RDMA-32, a DMA fault becomes LOC_PROT_ERR (S-RDMA-36), after any error the queue pair flushes what follows (S-RDMA-33).
/// Does not model: a send queue with several requests in flight, scatter lists, retries.
/// </summary>
/// <param name="stream">The connection; the queue pair owns it.</param>
/// <param name="keys">The device's keys.</param>
/// <param name="pd">Its protection domain.</param>
/// <param name="counters">What moved.</param>
internal sealed class QueuePair(Stream stream, KeyTable keys, uint pd, RdmaCounters counters) : IAsyncDisposable
{
    private readonly byte[] _header = new byte[Header.Size];
    private readonly byte[] _piece = new byte[Header.Piece];
    private ulong _nextId;
    private bool _error;

    /// <summary>True after an error: all further requests are flushed.</summary>
    public bool InErrorState => _error;

    public uint Pd => pd;

    /// <summary>RDMA WRITE: bytes of a local region go to a region of the peer.</summary>
    public Task<CompletionStatus> WriteAsync(uint lkey, ulong local, uint rkey, ulong remote, ulong length, CancellationToken cancel) =>
        PostAsync(lkey, AccessFlags.None, local, length, region => SendWriteAsync(region, local, rkey, remote, length, cancel));

    /// <summary>RDMA READ: bytes of a region of the peer come into a local region.</summary>
    public Task<CompletionStatus> ReadAsync(uint lkey, ulong local, uint rkey, ulong remote, ulong length, CancellationToken cancel) =>
        PostAsync(lkey, AccessFlags.LocalWrite, local, length, region => SendReadAsync(region, local, rkey, remote, length, cancel));

    public ValueTask DisposeAsync() => stream.DisposeAsync();

    private async Task<CompletionStatus> PostAsync(
        uint lkey, AccessFlags wanted, ulong local, ulong length, Func<MemoryRegion, Task<CompletionStatus>> run)
    {
        if (_error)
            return CompletionStatus.WR_FLUSH_ERR;
        CompletionStatus status = CompletionStatus.LOC_LEN_ERR;
        if (length <= Header.MaxMessage)
        {
            status = keys.Check(lkey, pd, wanted, local, length, out MemoryRegion? region) == KeyCheck.Ok
                ? await RunAsync(run, region!)
                : CompletionStatus.LOC_PROT_ERR;
        }

        if (status != CompletionStatus.SUCCESS)
        {
            // The peer sees the connection end; that is how it learns of the error state.
            _error = true;
            await stream.DisposeAsync();
        }

        return status;
    }

    private static async Task<CompletionStatus> RunAsync(Func<MemoryRegion, Task<CompletionStatus>> run, MemoryRegion region)
    {
        try
        {
            return await run(region);
        }
        catch (CocoException e) when (e is not ServerGoneException)
        {
            return CompletionStatus.LOC_PROT_ERR;
        }
        catch (InvalidDataException)
        {
            return CompletionStatus.BAD_RESP_ERR;
        }
        catch (IOException)
        {
            // The peer is gone: what a real device reports when no acknowledgement comes.
            return CompletionStatus.RETRY_EXC_ERR;
        }
    }

    private async Task<CompletionStatus> SendWriteAsync(
        MemoryRegion region, ulong local, uint rkey, ulong remote, ulong length, CancellationToken cancel)
    {
        ulong id = await SendHeaderAsync(Opcode.Write, rkey, remote, length, cancel);
        for (ulong done = 0UL; done < length;)
        {
            Memory<byte> piece = _piece.AsMemory(0, (int)Math.Min(length - done, Header.Piece));
            await region.ReadAsync(local + done, piece, cancel);
            await stream.WriteAsync(piece, cancel);
            done += (ulong)piece.Length;
        }

        Header answer = await ReceiveHeaderAsync(id, cancel);
        if (answer.Opcode != Opcode.Acknowledge)
            return CompletionStatus.BAD_RESP_ERR;
        if (answer.Status == CompletionStatus.SUCCESS)
            counters.Sent(length);
        return answer.Status;
    }

    private async Task<CompletionStatus> SendReadAsync(
        MemoryRegion region, ulong local, uint rkey, ulong remote, ulong length, CancellationToken cancel)
    {
        ulong id = await SendHeaderAsync(Opcode.Read, rkey, remote, length, cancel);
        for (ulong done = 0UL; ;)
        {
            Header answer = await ReceiveHeaderAsync(id, cancel);
            if (answer.Opcode == Opcode.Acknowledge)
                return answer.Status != CompletionStatus.SUCCESS || length == 0 ? answer.Status : CompletionStatus.BAD_RESP_ERR;
            if (answer.Opcode != Opcode.ReadResponse || answer.Length is 0 or > Header.Piece || answer.Length > length - done)
                return CompletionStatus.BAD_RESP_ERR;
            Memory<byte> piece = _piece.AsMemory(0, (int)answer.Length);
            await stream.ReadExactlyAsync(piece, cancel);
            await region.WriteAsync(local + done, piece, cancel);
            done += answer.Length;
            if (done < length)
                continue;
            counters.Received(length);
            return CompletionStatus.SUCCESS;
        }
    }

    private async Task<ulong> SendHeaderAsync(Opcode opcode, uint rkey, ulong remote, ulong length, CancellationToken cancel)
    {
        ulong id = ++_nextId;
        new Header(opcode, CompletionStatus.SUCCESS, id, remote, length, rkey).Write(_header);
        await stream.WriteAsync(_header, cancel);
        return id;
    }

    private async Task<Header> ReceiveHeaderAsync(ulong id, CancellationToken cancel)
    {
        await stream.ReadExactlyAsync(_header, cancel);
        var header = Header.Parse(_header);
        return header.Id == id ? header : throw new InvalidDataException($"The peer answers request {header.Id} instead of {id}.");
    }
}
