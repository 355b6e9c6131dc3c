using System.CommandLine;
using System.Text;
using CocoGuest.Cli.Show;
using CocoGuest.V1;
using Google.Protobuf;

namespace CocoGuest.Cli.Commands;

/// <summary><c>read</c>, <c>write</c> and <c>pages</c>.</summary>
internal static class MemoryCommands
{
    public static IEnumerable<Command> Make(CommandFactory factory)
    {
        yield return Read(factory);
        yield return Write(factory);
        yield return Pages(factory);
    }

    private static Command Read(CommandFactory factory)
    {
        (Option<string> guest, Option<string> process) = (factory.Globals.Guest, factory.Globals.Process);
        Argument<ulong> address = Numbers.Argument(
            "address", "Address in the guest process (mmap gave it), or guest-physical with --host.");
        Argument<ulong> length = Numbers.Argument("length", "Bytes, at most 1M.");
        var host = new Option<bool>("--host")
        {
            Description = "Guest-physical memory as the host sees it: ciphertext, zeros, 0xff or plain text.",
        };
        var file = new Option<string?>("--output") { Description = "Writes the bytes to a file instead." };
        return factory.Call(
            "read",
            "CPU read through a mapping of a guest process, or the host's view.",
            [address, length, host, file, guest, process],
            async (connection, p, cancel) => new LoadResponse
            {
                Data = p.GetValue(host)
                    ? (await connection.Hypervisor.ReadHostMemoryAsync(
                        new ReadHostMemoryRequest { Guest = p.GetValue(guest), Address = p.GetValue(address), Length = p.GetValue(length) },
                        cancellationToken: cancel)).Data
                    : (await connection.Guest.LoadAsync(
                        new LoadRequest
                        {
                            Guest = p.GetValue(guest),
                            Process = p.GetValue(process),
                            Address = p.GetValue(address),
                            Length = p.GetValue(length),
                        },
                        cancellationToken: cancel)).Data,
            },
            (_, p, answer) =>
            {
                if (p.GetValue(file) is { } path)
                {
                    File.WriteAllBytes(path, answer.Data.Span);
                    return;
                }

                foreach (string line in Output.HexDump(p.GetValue(address), answer.Data.Memory))
                    Console.Out.WriteLine(line);
            });
    }

    private static Command Write(CommandFactory factory)
    {
        (Option<string> guest, Option<string> process) = (factory.Globals.Guest, factory.Globals.Process);
        Argument<ulong> address = Numbers.Argument("address", "Address in the guest process.");
        var text = new Option<string?>("--text") { Description = "The bytes as text (UTF-8)." };
        var hex = new Option<string?>("--hex") { Description = "The bytes in hexadecimal." };
        var file = new Option<string?>("--file") { Description = "The bytes of a file." };
        return factory.Call(
            "write",
            "CPU write through a mapping of a guest process.",
            [address, text, hex, file, guest, process],
            async (connection, p, cancel) =>
            {
                byte[][] given =
                [
                    .. p.GetValue(text) is { } t ? [Encoding.UTF8.GetBytes(t)] : Array.Empty<byte[]>(),
                    .. p.GetValue(hex) is { } h ? [Convert.FromHexString(h)] : Array.Empty<byte[]>(),
                    .. p.GetValue(file) is { } f ? [await File.ReadAllBytesAsync(f, cancel)] : Array.Empty<byte[]>(),
                ];
                if (given.Length != 1)
                    throw new ArgumentException("Give the bytes by exactly one of --text, --hex and --file.");
                return await connection.Guest.StoreAsync(
                    new StoreRequest
                    {
                        Guest = p.GetValue(guest),
                        Process = p.GetValue(process),
                        Address = p.GetValue(address),
                        Data = UnsafeByteOperations.UnsafeWrap(given[0]),
                    },
                    cancellationToken: cancel);
            });
    }

    private static Command Pages(CommandFactory factory)
    {
        Option<string> guest = factory.Globals.Guest;
        Option<ulong> address = Numbers.Option("--address", "Page-aligned guest-physical address.");
        Option<ulong> length = Numbers.Option("--length", "Bytes. Default: to the end of memory.");
        Option<ulong> maxRuns = Numbers.Option("--max-runs", "At most this many runs. Default: 1024.");
        return factory.Call(
            "pages",
            "Page states as runs of equal pages: what the guest's page tables and the hypervisor's tables say.",
            [address, length, maxRuns, guest],
            async (connection, p, cancel) => await connection.Hypervisor.GetPageStatesAsync(
                new GetPageStatesRequest
                {
                    Guest = p.GetValue(guest),
                    Address = p.GetValue(address),
                    Length = p.GetValue(length),
                    MaxRuns = checked((uint)p.GetValue(maxRuns)),
                },
                cancellationToken: cancel),
            (_, _, answer) =>
            {
                Output.Table(
                    ["address", "length", "guest", "host", "entry"],
                    answer.Runs.Select(r => new[]
                    {
                        $"0x{r.Address:x}", Amounts.Bytes(r.Length), r.GuestState, r.HostState, Amounts.Bytes(r.EntrySize),
                    }));
                if (answer.NextAddress != 0)
                    Console.Out.WriteLine($"more from 0x{answer.NextAddress:x}");
            });
    }
}
