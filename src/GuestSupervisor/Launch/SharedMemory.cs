using System.ComponentModel;
using System.Runtime.InteropServices;
using CocoGuest.Linux;

namespace CocoGuest.Supervisor.Launch;

/// <summary>
/// Memory that this process and those that it forks share, at the same addresses: filled from the start on, never given back but as a
/// whole.
/// </summary>
internal sealed unsafe class SharedMemory : IDisposable
{
    private const int Alignment = 16;

    private readonly byte* _start;
    private readonly nuint _size;
    private nuint _used;

    /// <param name="size">Bytes; those that are not used cost nothing.</param>
    public SharedMemory(nuint size)
    {
        const int protection = Libc.ProtRead | Libc.ProtWrite;
        const int flags = Libc.MapShared | Libc.MapAnonymous | Libc.MapNoreserve;
        nint start = Libc.Mmap(0, size, protection, flags, -1, 0);
        _start = start != -1 ? (byte*)start : throw new Win32Exception();
        _size = size;
    }

    /// <summary>Zeros.</summary>
    public byte* Take(int bytes)
    {
        nuint at = _used;
        _used += ((nuint)bytes + Alignment - 1) / Alignment * Alignment;
        return _used <= _size ? _start + at : throw new InvalidOperationException($"The program's start takes more than {_size} bytes.");
    }

    /// <summary>A string of C.</summary>
    public byte* String(ReadOnlySpan<byte> text)
    {
        byte* copy = Take(text.Length + 1);
        text.CopyTo(new Span<byte>(copy, text.Length));
        return copy;
    }

    /// <summary>A table of strings as exec takes it, with a null at its end.</summary>
    public byte** Strings(IReadOnlyList<byte[]> texts)
    {
        byte** table = (byte**)Take((texts.Count + 1) * sizeof(byte*));
        for (int i = 0; i < texts.Count; i++)
        {
            table[i] = String(texts[i]);
        }

        return table;
    }

    /// <summary>Values one after the other.</summary>
    public T* Values<T>(ReadOnlySpan<T> values)
        where T : unmanaged
    {
        byte* copy = Take(values.Length * sizeof(T));
        MemoryMarshal.AsBytes(values).CopyTo(new Span<byte>(copy, values.Length * sizeof(T)));
        return (T*)copy;
    }

    /// <inheritdoc/>
    public void Dispose() => _ = Libc.Munmap((nint)_start, _size);
}
