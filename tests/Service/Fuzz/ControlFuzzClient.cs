using System.Buffers.Binary;
using CocoGuest.Machine.Abi;
using CocoGuest.Tests.Service.Control;

namespace CocoGuest.Tests.Service.Fuzz;

/// <summary>One client of the control protocol that sends random requests, and judges each answer and each hang-up.</summary>
/// <param name="path">The broker's socket.</param>
/// <param name="seed">Decides everything but what other clients do meanwhile.</param>
internal sealed class ControlFuzzClient(string path, int seed) : IDisposable
{
    private const int FirstField = 24;
    private const int MostBodyOfAnAnswer = 24 + (16 * 65536);

    // The fixed fields by operation, from docs/protocol.md; Fill says what each letter is.
    private static readonly string[] Layouts =
    [
        "", "cz", "tt", "", "tn0wz", "fpmz0n", "x", "xn", "x", "fzs", "fzt", "fz", "fzkn", "k", "fz", "tt10cz", "t", "fzt", "a", "add", "u",
        "tnn", "tn",
    ];

    private static readonly string[] Words = ["", "system", "system_cc_shared", "emu0", "nic", "default", "nowhere", "ä€"];
    private readonly Random _dice = new(seed);
    private readonly List<ulong> _addresses = [];
    private readonly List<ulong> _attachments = [];
    private readonly List<ulong> _mapped = [];
    private ControlClient? _client;
    private ulong _lastId;

    /// <summary>Operations that succeeded, with how often.</summary>
    public Dictionary<int, int> Succeeded { get; } = [];

    /// <summary>What should not have happened.</summary>
    public List<string> Findings { get; } = [];

    /// <summary>Sends that many requests, over as many connections as it takes.</summary>
    public void Run(int requests)
    {
        for (int i = 0; i < requests && Findings.Count < 20; i++)
        {
            _client ??= Connect();
            byte[] request = Make();
            if (_dice.Next(400) == 0)
            {
                // Cut off in the middle, and gone.
                _client.TrySend(request.AsSpan(0, _dice.Next(request.Length)));
                HangUp();
                continue;
            }

            _client.TrySend(request);
            Judge(request);
        }
    }

    public void Dispose() => HangUp();

    private ControlClient Connect()
    {
        var client = new ControlClient(path);
        if (_dice.Next(20) != 0)
        {
            client.TrySend(ControlClient.Request(ControlClient.OpenProcess, ++_lastId, "", "fuzz"));
            client.Receive();
        }

        _addresses.Clear();
        _attachments.Clear();
        _mapped.Clear();
        return client;
    }

    private void Judge(byte[] request)
    {
        ControlAnswer? answer = _client!.Receive();
        if (answer is null)
        {
            // A frame that is no control request at all may be shorter than what the server still waits for, or be hung up on.
            Findings.Add($"seed {seed}: no answer to {Convert.ToHexString(request)}");
            HangUp();
            return;
        }

        using (answer)
        {
            ushort operation = BinaryPrimitives.ReadUInt16LittleEndian(request.AsSpan(6));
            ulong id = BinaryPrimitives.ReadUInt64LittleEndian(request.AsSpan(16));
            if (answer.Operation != operation || answer.Id != id || !Enum.IsDefined(answer.Errno) || answer.Body.Length > MostBodyOfAnAnswer
                || (answer.Errno != Errno.None && (answer.Body.Length != 400 || answer.Fd is not null)))
            {
                Findings.Add(
                    $"seed {seed}: an answer to {answer.Operation} with id {answer.Id}, {answer.Errno} and {answer.Body.Length} bytes "
                    + $"came to {Convert.ToHexString(request)}");
            }

            if (answer.Errno == Errno.None)
            {
                Succeeded[operation] = Succeeded.GetValueOrDefault(operation) + 1;
                Harvest(answer, request);
            }
            else if (answer.Step == "check frame")
            {
                // Malformed: the last word.
                if (_client.Receive() is not null)
                {
                    Findings.Add($"seed {seed}: something follows the answer to {Convert.ToHexString(request)}");
                }

                HangUp();
            }
        }
    }

    private void HangUp()
    {
        _client?.Dispose();
        _client = null;
    }

    private void Harvest(ControlAnswer answer, byte[] request)
    {
        switch (answer.Operation)
        {
            case ControlClient.Mmap:
                Keep(_addresses, answer.UInt64(0));
                break;
            case ControlClient.Map when answer.UInt32(20) > 0:
                Keep(_addresses, answer.UInt64(24));
                Keep(_mapped, BinaryPrimitives.ReadUInt64LittleEndian(request.AsSpan(FirstField)));
                break;
            case ControlClient.Attach:
                Keep(_attachments, answer.UInt64(0));
                break;
            default:
                break;
        }
    }

    private void Keep(List<ulong> values, ulong value)
    {
        if (values.Count < 20)
        {
            values.Add(value);
        }
        else
        {
            values[_dice.Next(values.Count)] = value;
        }
    }

    // Most requests are well-formed and likely to make sense; one in 150 is not, and ends its connection.
    private byte[] Make()
    {
        ushort operation = (ushort)(1 + _dice.Next(Layouts.Length - 1));
        var body = new List<object>(Layouts[operation].Select(Fill));
        if (operation is ControlClient.Store or ControlClient.DmaWrite)
        {
            body.Add(new byte[_dice.Next(70)]);
        }

        byte[] request = ControlClient.Request(operation, ++_lastId, [.. body]);
        if (_dice.Next(150) == 0)
        {
            Spoil(request);
        }

        return request;
    }

    private void Spoil(byte[] request)
    {
        // Behind the magic: without it the bytes are a token's request. A length that promises a little more
        // than comes would wait for ever.
        int at = 4 + _dice.Next(request.Length - 4);
        if (at is < 8 or >= 12)
        {
            request[at] ^= (byte)(1 << _dice.Next(8));
        }
        else
        {
            BinaryPrimitives.WriteUInt32LittleEndian(request.AsSpan(8), 0x0100_0000u + (uint)_dice.Next());
        }
    }

    private object Fill(char field) => field switch
    {
        't' => Words[_dice.Next(Words.Length)],
        'f' => _dice.Next(4) == 0 ? _dice.Next(8) - 1 : 3 + _dice.Next(3),
        'u' => _mapped.Count == 0 || _dice.Next(6) == 0 ? Fill('a') : _mapped[^1],
        'a' => _attachments.Count == 0 || _dice.Next(6) == 0 ? (ulong)_dice.Next(12) : _attachments[_dice.Next(_attachments.Count)],
        'c' or 'd' => _dice.Next(5) == 0 ? _dice.Next(9) : _dice.Next(2),
        'k' => _dice.Next(6) == 0 ? RandomBytes(16) : new byte[16],
        'm' => _dice.Next(4) == 0 ? 2 : 1,
        'n' => Likely(),
        'p' => _dice.Next(3) == 0 ? 1 : -1,
        's' => (ulong)_dice.Next(9),
        'w' => _dice.Next(5) == 0 ? _dice.Next() : 2,
        'x' => _addresses.Count == 0 || _dice.Next(3) == 0 ? Likely() : _addresses[_dice.Next(_addresses.Count)],
        'z' => 0,
        '0' => _dice.Next(5) == 0 ? Likely() : 0ul,
        '1' => _dice.Next(5) == 0 ? Likely() : ulong.MaxValue,
        _ => throw new ArgumentOutOfRangeException(nameof(field)),
    };

    private byte[] RandomBytes(int count)
    {
        byte[] bytes = new byte[count];
        _dice.NextBytes(bytes);
        return bytes;
    }

    private ulong Likely() => _dice.Next(8) switch
    {
        0 => 0,
        1 => (ulong)_dice.Next(8),
        2 => 4096,
        3 => (ulong)_dice.Next(300_000),
        4 => ulong.MaxValue,
        5 => (ulong)_dice.NextInt64(),
        _ => _addresses.Count == 0 ? (ulong)(1 + _dice.Next(12)) : _addresses[_dice.Next(_addresses.Count)],
    };
}
