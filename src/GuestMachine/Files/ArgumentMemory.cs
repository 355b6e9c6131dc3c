namespace CocoGuest.Machine.Files;

/// <summary>User memory that is one block of bytes at an address: the argument of an ioctl that came as bytes. All else faults.</summary>
/// <param name="start">Address of the first byte.</param>
/// <param name="bytes">The bytes; written in place.</param>
/// <param name="writable">False: the block is mapped read-only, so that copying back faults.</param>
public sealed class ArgumentMemory(ulong start, Memory<byte> bytes, bool writable = true) : IUserMemory
{
    /// <summary>An address for arguments that come without one.</summary>
    public const ulong DefaultAddress = 0x7fff_f000_0000;

    /// <summary>Address of the first byte.</summary>
    public ulong Address => start;

    /// <inheritdoc/>
    public bool TryRead(ulong address, Span<byte> target)
    {
        if (!Holds(address, target.Length))
        {
            return false;
        }

        bytes.Span.Slice((int)(address - start), target.Length).CopyTo(target);
        return true;
    }

    /// <inheritdoc/>
    public bool TryWrite(ulong address, ReadOnlySpan<byte> source)
    {
        if (!writable || !Holds(address, source.Length))
        {
            return false;
        }

        source.CopyTo(bytes.Span[(int)(address - start)..]);
        return true;
    }

    private bool Holds(ulong from, int length) =>
        from >= start && from - start <= (ulong)bytes.Length && (ulong)length <= (ulong)bytes.Length - (from - start);
}
