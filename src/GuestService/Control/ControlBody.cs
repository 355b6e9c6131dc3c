using System.Buffers.Binary;
using System.Text;
using CocoGuest.Machine.Abi;

namespace CocoGuest.Service.Control;

/// <summary>
/// The body of an answer while it is written, with room for the header in front of it. It has to be filled to its last byte.
/// </summary>
/// <param name="length">Bytes of the body.</param>
internal sealed class ControlBody(int length)
{
    private readonly byte[] _frame = new byte[ControlHeader.Bytes + length];
    private int _filled = ControlHeader.Bytes;

    /// <summary>Four bytes.</summary>
    public ControlBody UInt32(uint value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(Next(sizeof(uint)), value);
        return this;
    }

    /// <summary>Eight bytes.</summary>
    public ControlBody UInt64(ulong value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(Next(sizeof(ulong)), value);
        return this;
    }

    /// <summary>A handle or token.</summary>
    public ControlBody Handle(Handle128 value)
    {
        value.WriteBytes(Next(16));
        return this;
    }

    /// <summary>A text field; text that is too long ends behind its last whole character that fits.</summary>
    public ControlBody Text(string text, int bytes = ControlLimits.TextBytes)
    {
        Encoding.UTF8.GetEncoder().Convert(text, Next(bytes), flush: true, out _, out _, out _);
        return this;
    }

    /// <summary>The next bytes, to be filled by the caller.</summary>
    public Span<byte> Next(int count)
    {
        Span<byte> next = _frame.AsSpan(_filled, count);
        _filled += count;
        return next;
    }

    /// <summary>Header and body, ready to be sent.</summary>
    public byte[] ToFrame(ControlHeader request, Errno errno)
    {
        if (_filled != _frame.Length)
        {
            throw new InvalidOperationException($"An answer to {request.Operation} has {_filled} bytes of {_frame.Length}.");
        }

        new ControlHeader(ControlHeader.CurrentVersion, request.Operation, (uint)(_frame.Length - ControlHeader.Bytes), errno, request.Id)
            .Write(_frame);
        return _frame;
    }
}
