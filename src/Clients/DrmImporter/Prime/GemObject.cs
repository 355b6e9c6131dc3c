namespace CocoGuest.DrmImporter.Prime;

/// <summary>
/// An imported GEM object: attachment, reference and mapping of a foreign dma-buf, counted. The handle is one user, each job that names the
/// object another; the last one destroys it: unmap, detach, drop the dma-buf (S-GPU-06).
/// </summary>
/// <param name="ino">Identity of the dma-buf.</param>
/// <param name="attachment">Its attachment.</param>
/// <param name="reference">Its reference on the file.</param>
/// <param name="mapping">Its mapping.</param>
internal sealed class GemObject(ulong ino, IPrimeAttachment attachment, IPrimeReference reference, IPrimeMapping mapping)
{
    private int _users = 1;

    public ulong Ino { get; } = ino;

    public ulong Size => Mapping.Size;

    public IPrimeMapping Mapping { get; } = mapping;

    public IPrimeReference Reference { get; } = reference;

    /// <summary>One more user. Called only while the handle exists, on the thread that serves requests.</summary>
    public GemObject Get()
    {
        Interlocked.Increment(ref _users);
        return this;
    }

    /// <summary>One user less; the last one destroys the object.</summary>
    public async Task PutAsync()
    {
        if (Interlocked.Decrement(ref _users) != 0)
            return;
        await Mapping.DisposeAsync();
        await attachment.DisposeAsync();
        await Reference.DisposeAsync();
    }

    /// <summary>The device reads the buffer.</summary>
    public async Task ReadAsync(ulong offset, Memory<byte> destination, CancellationToken cancel)
    {
        for (int done = 0; done < destination.Length;)
        {
            (ulong address, ulong room) = Mapping.AddressOf(offset + (ulong)done);
            int length = (int)Math.Min((ulong)(destination.Length - done), room);
            await Mapping.View.ReadAsync(address, destination.Slice(done, length), cancel);
            done += length;
        }
    }

    /// <summary>The device writes the buffer.</summary>
    public async Task WriteAsync(ulong offset, ReadOnlyMemory<byte> source, CancellationToken cancel)
    {
        for (int done = 0; done < source.Length;)
        {
            (ulong address, ulong room) = Mapping.AddressOf(offset + (ulong)done);
            int length = (int)Math.Min((ulong)(source.Length - done), room);
            await Mapping.View.WriteAsync(address, source.Slice(done, length), cancel);
            done += length;
        }
    }
}
