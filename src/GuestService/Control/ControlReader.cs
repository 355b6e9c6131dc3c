using System.Buffers.Binary;
using System.Text;
using System.Text.Unicode;
using CocoGuest.Machine.Abi;

namespace CocoGuest.Service.Control;

/// <summary>
/// Reads the body of a request, field by field. The table has checked its length; what can still be wrong is noted in <see cref="Wrong"/>.
/// </summary>
internal ref struct ControlReader(ReadOnlySpan<byte> body)
{
    private ReadOnlySpan<byte> _left = body;

    /// <summary>
    /// True once a field was read that no client writes: text behind a zero, bytes that are no UTF-8, a reserved field in use.
    /// </summary>
    public bool Wrong { get; private set; }

    /// <summary>Four bytes.</summary>
    public uint UInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(sizeof(uint)));

    /// <summary>Four bytes with a sign: an fd.</summary>
    public int Int32() => BinaryPrimitives.ReadInt32LittleEndian(Take(sizeof(int)));

    /// <summary>Eight bytes.</summary>
    public ulong UInt64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(sizeof(ulong)));

    /// <summary>An fd and the reserved field behind it.</summary>
    public int Fd()
    {
        int fd = Int32();
        Reserved();
        return fd;
    }

    /// <summary>Four bytes that have to be zero.</summary>
    public void Reserved() => Wrong |= UInt32() != 0;

    /// <summary>A handle or token.</summary>
    public Handle128 Handle() => Handle128.FromBytes(Take(16));

    /// <summary>A text field.</summary>
    public string Text()
    {
        ReadOnlySpan<byte> field = Take(ControlLimits.TextBytes);
        int end = field.IndexOf((byte)0);
        ReadOnlySpan<byte> text = end < 0 ? field : field[..end];
        Wrong |= field[text.Length..].ContainsAnyExcept((byte)0) || !Utf8.IsValid(text);
        return Wrong ? "" : Encoding.UTF8.GetString(text);
    }

    /// <summary>All bytes that are left.</summary>
    public ReadOnlySpan<byte> Rest() => Take(_left.Length);

    private ReadOnlySpan<byte> Take(int count)
    {
        ReadOnlySpan<byte> taken = _left[..count];
        _left = _left[count..];
        return taken;
    }
}
