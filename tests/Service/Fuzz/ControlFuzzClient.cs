using System.Buffers.Binary;
using CocoGuest.Machine;
using CocoGuest.Tests.Service.Control;

namespace CocoGuest.Tests.Service.Fuzz;

/// <summary>One client of the control protocol that sends random requests, and judges each answer and each hang-up.</summary>
/// <param name="path">The broker's socket.</param>
/// <param name="seed">Decides everything but what other clients do meanwhile.</param>
internal sealed class ControlFuzzClient(string path, int seed) : IDisposable
{
    private const int MostBodyOfAnAnswer = 24 + (16 * 65536);

    // Bytes of the fixed fields by operation, from docs/protocol.md.
    private static readonly int[] Lengths = [0, 8, 128, 0, 88, 32, 8, 16, 8, 16, 72, 8, 32, 16, 8, 152, 64, 72, 8, 16, 8, 80, 72];
    private static readonly string[] Words = ["", "system", "system_cc_shared", "emu0", "nic", "default", "nowhere", "ä€"];
    private readonly Random _dice = new(seed);
    private readonly List<ulong> _addresses = [];
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
            if (_dice.Next(60) == 0)
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
                Findings.Add($"seed {seed}: {answer} to {Convert.ToHexString(request)}");
            }

            if (answer.Errno == Errno.None)
            {
                Succeeded[operation] = Succeeded.GetValueOrDefault(operation) + 1;
                Harvest(answer);
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

    private void Harvest(ControlAnswer answer)
    {
        if (answer.Operation is ControlClient.Mmap && _addresses.Count < 20)
        {
            _addresses.Add(answer.UInt64(0));
        }
        else if (answer.Operation is ControlClient.Map && answer.UInt32(20) > 0 && _addresses.Count < 20)
        {
            _addresses.Add(answer.UInt64(24));
        }
    }

    // Most requests are well-formed and likely to make sense; one in eight is not.
    private byte[] Make()
    {
        ushort operation = (ushort)(1 + _dice.Next(Lengths.Length - 1));
        byte[] body = new byte[Lengths[operation] + (operation is ControlClient.Store or ControlClient.DmaWrite ? _dice.Next(70) : 0)];
        Fill(operation, body);
        byte[] request = ControlClient.Request(operation, ++_lastId, body);
        if (_dice.Next(8) == 0)
        {
            // Behind the magic: without it the bytes are a token's request. A length that promises more than comes would wait for ever.
            int at = 4 + _dice.Next(request.Length - 4);
            if (at is < 8 or >= 12)
            {
                request[at] ^= (byte)(1 << _dice.Next(8));
            }
            else
            {
                BinaryPrimitives.WriteUInt32LittleEndian(request.AsSpan(8), 0x1_0000_00u + (uint)_dice.Next());
            }
        }

        return request;
    }

    private void Fill(ushort operation, byte[] body)
    {
        Span<byte> at = body;
        switch (operation)
        {
            case ControlClient.OpenProcess or ControlClient.RegisterDevice or ControlClient.Allocate or ControlClient.UnregisterDevice
                or ControlClient.DmaRead or ControlClient.DmaWrite:
                Word(ref at);
                break;
            case ControlClient.Mmap:
                Number(ref at, _dice.Next(8));
                Number(ref at, _dice.Next(3) == 0 ? 1 : -1);
                Number(ref at, _dice.Next(4) == 0 ? 2 : 1);
                at = at[4..];
                break;
            case ControlClient.Stat or ControlClient.Release or ControlClient.Sync or ControlClient.SetName or ControlClient.Attach
                or ControlClient.Export:
                Number(ref at, _dice.Next(8));
                at = at[4..];
                break;
            case ControlClient.Map:
                Number(ref at, 1 + _dice.Next(12));
                at = at[4..];
                Number(ref at, _dice.Next(4));
                break;
            default:
                break;
        }

        if (operation is ControlClient.SetName or ControlClient.Attach or ControlClient.OpenProcess or ControlClient.RegisterDevice)
        {
            Word(ref at);
        }

        while (at.Length >= 8)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(at, Likely());
            at = at[8..];
        }
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

    private void Word(ref Span<byte> at)
    {
        System.Text.Encoding.UTF8.GetBytes(Words[_dice.Next(Words.Length)], at[..64]);
        at = at[64..];
    }

    private static void Number(ref Span<byte> at, int value)
    {
        BinaryPrimitives.WriteInt32LittleEndian(at, value);
        at = at[4..];
    }
}
