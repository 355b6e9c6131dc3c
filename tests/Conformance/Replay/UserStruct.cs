using System.Buffers.Binary;
using System.Globalization;
using System.Text.Json;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;

namespace CocoGuest.Tests.Replay;

/// <summary>The argument of a heap's ioctl in user memory: 24 bytes, and a tail that the kernel should leave alone.</summary>
internal sealed class UserStruct
{
    public const int StructBytes = 24;
    private const ulong DefaultLength = 4096;
    private const int TailBytes = 1 << 14;
    private const int FdAt = 8;
    private const int FdFlagsAt = 12;
    private const int HeapFlagsAt = 16;
    private readonly byte[] _bytes = new byte[StructBytes + TailBytes];
    private readonly byte _fill;
    private readonly int _fdBefore;

    /// <param name="record">Its input has the fields.</param>
    public UserStruct(Record record)
    {
        // Where fd is a name it is the node that the call goes to, not the field.
        _fdBefore = record.In.TryGetProperty("fd", out JsonElement fd) && fd.ValueKind == JsonValueKind.Number
            ? unchecked((int)fd.GetInt64())
            : 0;
        _fill = record.In.Has("tail_fill") ? record.In.Byte("tail_fill") : (byte)0;
        BinaryPrimitives.WriteUInt64LittleEndian(_bytes, record.In.Number("len", DefaultLength));
        BinaryPrimitives.WriteInt32LittleEndian(_bytes.AsSpan(FdAt), _fdBefore);
        BinaryPrimitives.WriteUInt32LittleEndian(_bytes.AsSpan(FdFlagsAt), (uint)record.In.Number("fd_flags", OpenFlags.ReadWrite));
        BinaryPrimitives.WriteUInt64LittleEndian(_bytes.AsSpan(HeapFlagsAt), record.In.Number("heap_flags", 0));
        _bytes.AsSpan(StructBytes).Fill(_fill);
    }

    /// <summary>The struct alone.</summary>
    public Memory<byte> Struct => _bytes.AsMemory(0, StructBytes);

    /// <summary>The struct and what lies behind it.</summary>
    public ArgumentMemory Memory => new(ArgumentMemory.DefaultAddress, _bytes);

    /// <summary>Field fd now.</summary>
    public int Fd => BinaryPrimitives.ReadInt32LittleEndian(_bytes.AsSpan(FdAt));

    /// <summary>The kernel wrote to field fd.</summary>
    public bool FdChanged => Fd != _fdBefore;

    /// <summary>No byte behind the struct changed.</summary>
    public bool TailUntouched => _bytes.AsSpan(StructBytes).IndexOfAnyExcept(_fill) < 0;

    /// <summary>Answers the fields after the call.</summary>
    public void Answer(Answers answers)
    {
        answers.Set("fd_field_after", (long)Fd);
        answers.Set("len_after", Hex(BinaryPrimitives.ReadUInt64LittleEndian(_bytes)));
        answers.Set("fd_flags_after", Hex(BinaryPrimitives.ReadUInt32LittleEndian(_bytes.AsSpan(FdFlagsAt))));
        answers.Set("heap_flags_after", Hex(BinaryPrimitives.ReadUInt64LittleEndian(_bytes.AsSpan(HeapFlagsAt))));
    }

    private static string Hex(ulong value) => string.Create(CultureInfo.InvariantCulture, $"0x{value:x}");
}
