using System.Globalization;
using System.Text;
using CocoGuest.Machine.Diagnostics;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace CocoGuest.Tests.Service.Fuzz;

/// <summary>
/// Makes requests from descriptors: random bytes; messages with boundary numbers, unknown enums, empty and huge strings, wrapping lengths
/// and values of former answers, one by one or as they belong together; and such messages damaged. All from a seed.
/// </summary>
internal sealed class FuzzMessages(Random dice, FuzzPool pool)
{
    private const int Deepest = 3;
    private const int LedMiss = 32;

    private static readonly ulong[] Numbers =
    [
        0, 1, 2, 3, 4, 7, 8, 24, 4095, 4096, 4097, 8192, 65536, 1 << 20, (1 << 20) + 1, int.MaxValue, 1UL << 31, uint.MaxValue, 1UL << 32,
        1UL << 51, 1UL << 52, (1UL << 63) - 1, 1UL << 63, ulong.MaxValue - 4095, ulong.MaxValue - 1, ulong.MaxValue,
    ];

    private static readonly string[] Words =
    [
        "", "default", "g", "emu0", "system", "system_cc_shared", "default_cma_region", "snp", "tdx", "sev", "none", "7.2", "seed-v1",
        "64M", "force", "x y", "\0", "ä",
        "../../etc/passwd", "00000000000000000000000000000000", "ffffffffffffffffffffffffffffffff", "0123456789abcdef0123456789ABCDEF",
        "{}", "%s%n", "failslab", "*", "dma_buf", "vgem",
    ];

    // What a client would say there, so that some calls are right.
    private static readonly Dictionary<string, string[]> Likely = new(StringComparer.Ordinal)
    {
        ["heap"] = ["system", "system_cc_shared"],
        ["device"] = ["", "emu0"],
        ["platform"] = ["", "snp", "tdx", "sev", "none"],
        ["kernel"] = ["", "7.2", "7.3", "seed-v1"],
        ["swiotlb"] = ["", "2048", "64,force"],
        ["path"] = ["/dev/dma_heap/system", "/dev/udmabuf"],
        ["point"] = [.. FaultPointInfo.All.Select(p => p.Name)],
        ["rdma_device"] = ["rxe0", "mlx5_0"],
        ["use"] = ["scanout", "rdma-control", "cpu-private"],
        ["advice"] = ["NORMAL", "DONTFORK", "DONTNEED"],
    };

    // Guests that a request means whose call only their platform has.
    private static readonly Dictionary<string, string> LikelyGuests = new(StringComparer.Ordinal)
    {
        ["MapGpaRangeRequest"] = "sev",
        ["MapGpaRequest"] = "tdx",
        ["AcceptPageRequest"] = "tdx",
        ["SetIpaStateRequest"] = "cca",
        ["SharePagesRequest"] = "pkvm",

        // MMIO does not bounce: a guest that has to cannot map it.
        ["MapResourceRequest"] = "none",
    };

    // Fields that stand for others of their message: a client gives the one or the others.
    private static readonly Dictionary<string, string[]> Alternatives = new(StringComparer.Ordinal)
    {
        ["cocoguest.v1.AllocateBufferRequest.use"] = ["heap", "heap_flags"],
    };

    // DMA_BUF_IOCTL_SYNC and DMA_HEAP_IOCTL_ALLOC.
    private static readonly ulong[] Commands = [0x40086200, 0xc0184800];

    private static readonly ulong[] LikelyFlags = [0, 0, 0, 0, 1, 1, 2, 3, 5, 6, 0x80002];

    // A guest's RAM is memory of this process: what is asked for stays small, or is refused.
    private static readonly ulong[] MemorySizes = [1, 4096, 64UL << 20, 96UL << 20, (64UL << 20) + 1, 2UL << 40, ulong.MaxValue];

    private IReadOnlyDictionary<string, object>? _scene;
    private IReadOnlyDictionary<string, object>? _led;

    /// <summary>Platforms, and names, of the guests besides the default one that requests mean.</summary>
    public static IEnumerable<string> Platforms => LikelyGuests.Values.Distinct();

    /// <summary>Bytes for a request of this type.</summary>
    /// <param name="type">The type.</param>
    /// <param name="careful">As a client would send it, as far as one can know.</param>
    /// <param name="led">With that, what the calls know that were made for it; null: there are none.</param>
    public byte[] Make(MessageDescriptor type, bool careful = false, IReadOnlyDictionary<string, object>? led = null)
    {
        _led = led;
        _scene = led is not null ? led : careful || dice.Next(2) == 0 ? pool.SceneFor(type, dice) : null;
        if (careful)
        {
            return Write(type, 0, careless: false);
        }

        int kind = dice.Next(20);
        if (kind == 0)
        {
            return RandomBytes(200);
        }

        byte[] message = Write(type, 0, dice.Next(4) == 0);
        return kind switch
        {
            1 => Flip(message),
            2 => message[..dice.Next(message.Length + 1)],
            3 => [.. message, .. RandomBytes(40)],
            _ => message,
        };
    }

    private byte[] Write(MessageDescriptor type, int depth, bool careless)
    {
        using var stream = new MemoryStream();
        using (var output = new CodedOutputStream(stream, leaveOpen: true))
        {
            string[] unneeded = careless ? [] : Unneeded(type);
            foreach (FieldDescriptor field in type.Fields.InDeclarationOrder())
            {
                bool leftOut = _led is not null
                    ? LeftOutOfLed(field)
                    : dice.Next(careless ? 2 : field.HasPresence && field.FieldType != FieldType.Message ? 2 : 7) == 0;
                int times = leftOut || unneeded.Contains(field.Name) ? 0 : field.IsRepeated ? dice.Next(_led is null ? 0 : 1, 4) : 1;
                for (int i = 0; i < times; i++)
                {
                    WriteField(output, field, careless, depth);
                }
            }
        }

        return stream.ToArray();
    }

    // What no call before it had to say is seldom needed.
    private bool LeftOutOfLed(FieldDescriptor field) =>
        dice.Next(LedMiss) == 0
        || (field.FieldType is not (FieldType.Message or FieldType.Bytes) && FuzzPool.In(_led!, field.Name) is null && dice.Next(3) != 0);

    private string[] Unneeded(MessageDescriptor type)
    {
        FieldDescriptor? field = type.Fields.InDeclarationOrder().FirstOrDefault(f => Alternatives.ContainsKey(f.FullName));
        return field is null ? [] : dice.Next(4) == 0 ? Alternatives[field.FullName] : [field.Name];
    }

    private void WriteField(CodedOutputStream output, FieldDescriptor field, bool careless, int depth)
    {
        if (careless && dice.Next(12) == 0)
        {
            // Another wire type than the field has.
            output.WriteTag(field.FieldNumber, WireFormat.WireType.Varint);
            output.WriteUInt64(Number(field, careless));
            return;
        }

        switch (field.FieldType)
        {
            case FieldType.String:
                output.WriteTag(field.FieldNumber, WireFormat.WireType.LengthDelimited);
                output.WriteBytes(ByteString.CopyFrom(Text(field, careless)));
                break;
            case FieldType.Bytes:
                output.WriteTag(field.FieldNumber, WireFormat.WireType.LengthDelimited);
                output.WriteBytes(dice.Next(3) == 0
                    ? SmallNumber()
                    : ByteString.CopyFrom(RandomBytes(dice.Next(50) == 0 ? (1 << 20) + 8 : dice.Next(10) == 0 ? 9000 : 64)));
                break;
            case FieldType.Message or FieldType.Group:
                output.WriteTag(field.FieldNumber, WireFormat.WireType.LengthDelimited);
                output.WriteBytes(ByteString.CopyFrom(depth >= Deepest ? RandomBytes(20) : Write(field.MessageType, depth + 1, careless)));
                break;
            case FieldType.Fixed64 or FieldType.SFixed64 or FieldType.Double:
                output.WriteTag(field.FieldNumber, WireFormat.WireType.Fixed64);
                output.WriteFixed64(Number(field, careless));
                break;
            case FieldType.Fixed32 or FieldType.SFixed32 or FieldType.Float:
                output.WriteTag(field.FieldNumber, WireFormat.WireType.Fixed32);
                output.WriteFixed32((uint)Number(field, careless));
                break;
            default:
                output.WriteTag(field.FieldNumber, WireFormat.WireType.Varint);
                output.WriteUInt64(Number(field, careless));
                break;
        }
    }

    private ulong Number(FieldDescriptor field, bool careless)
    {
        if (Led(field) is { } led and not string)
        {
            return FuzzPool.Number(led) ?? Convert.ToUInt64(led, CultureInfo.InvariantCulture);
        }

        if (field.Name == "memory_bytes")
        {
            return MemorySizes[dice.Next(MemorySizes.Length)];
        }

        if (field.FieldType == FieldType.Enum)
        {
            return careless
                ? Numbers[dice.Next(Numbers.Length)]
                : (ulong)field.EnumType.Values[dice.Next(field.EnumType.Values.Count)].Number;
        }

        if (field.FieldType == FieldType.Bool)
        {
            return (ulong)dice.Next(2);
        }

        if (field.Name == "command" && dice.Next(4) != 0)
        {
            return Commands[dice.Next(Commands.Length)];
        }

        if (!careless && field.Name is ("attrs" or "cpu") && dice.Next(8) != 0)
        {
            return 0;
        }

        if (dice.Next(4) != 0 && Known(field.Name) is { } known)
        {
            return dice.Next(12) == 0 ? known + Numbers[dice.Next(Numbers.Length)] : known;
        }

        if (!careless && dice.Next(3) != 0)
        {
            return field.Name.Contains("flags", StringComparison.Ordinal) || field.Name == "prot"
                ? LikelyFlags[dice.Next(LikelyFlags.Length)]
                : field.Name.StartsWith("len", StringComparison.Ordinal) || field.Name == "size"
                    ? (ulong)(dice.Next(3) == 0 ? 4096 : dice.Next(20_000))
                : 0;
        }

        return careless || dice.Next(3) == 0 ? Numbers[dice.Next(Numbers.Length)] : (ulong)dice.Next(dice.Next(2) == 0 ? 8 : 20_000);
    }

    // What belongs together, mostly.
    private object? Find(string name) =>
        _scene is not null && dice.Next(8) != 0 && FuzzPool.In(_scene, name) is { } together ? together : pool.Find<object>(name, dice);

    private ulong? Known(string name) => FuzzPool.Number(Find(name));

    // What the calls before this one know, nearly always.
    private object? Led(FieldDescriptor field) =>
        _led is not null && dice.Next(LedMiss) != 0 ? FuzzPool.In(_led, field.Name) : null;

    private byte[] Text(FieldDescriptor field, bool careless)
    {
        if (careless)
        {
            switch (dice.Next(12))
            {
                case 0: return RandomBytes(40);
                case 1: return new byte[dice.Next(4) == 0 ? 100_000 : 300];
                case 2: return Encoding.UTF8.GetBytes(new string('x', 64 + dice.Next(3)));
                default: break;
            }
        }

        if (Led(field) is string led)
        {
            return Encoding.UTF8.GetBytes(led);
        }

        string? known = Find(field.Name) as string;
        return _scene is not null && known is not null && dice.Next(8) != 0 ? Encoding.UTF8.GetBytes(known)
            : field.Name == "guest" && dice.Next(8) != 0
                ? Encoding.UTF8.GetBytes(LikelyGuests.GetValueOrDefault(field.ContainingType.Name, ""))
            : known is not null && dice.Next(8) != 0 ? Encoding.UTF8.GetBytes(known)
            : Likely.TryGetValue(field.Name, out string[]? likely) && dice.Next(8) != 0
                ? Encoding.UTF8.GetBytes(likely[dice.Next(likely.Length)])
            : field.Name == "process" && dice.Next(3) != 0 ? []
            : Encoding.UTF8.GetBytes(Words[dice.Next(Words.Length)]);
    }

    private byte[] Flip(byte[] message)
    {
        if (message.Length > 0)
        {
            message[dice.Next(message.Length)] ^= (byte)(1 << dice.Next(8));
        }

        return message;
    }

    // What an ioctl's argument often is.
    private ByteString SmallNumber()
    {
        byte[] bytes = new byte[sizeof(ulong)];
        bytes[0] = (byte)dice.Next(8);
        return ByteString.CopyFrom(bytes);
    }

    private byte[] RandomBytes(int most)
    {
        byte[] bytes = new byte[dice.Next(most)];
        dice.NextBytes(bytes);
        return bytes;
    }
}
