using System.CommandLine;
using CocoGuest.Client;
using CocoGuest.V1;

namespace CocoGuest.Cli.Commands;

/// <summary>
/// One call each on buffers: heaps, uses, set-use, alloc, alloc-for, mmap, munmap, stat, sync, attach, detach, map, unmap, release.
/// </summary>
internal static class BufferCommands
{
    public static IEnumerable<Command> Make(CommandFactory factory)
    {
        (Option<string> guest, Option<string> process) = (factory.Globals.Guest, factory.Globals.Process);
        var fd = new Argument<int>("fd") { Description = "An fd of the guest process." };
        Argument<ulong> attachment = Numbers.Argument("attachment", "Number that attach gave.");

        yield return factory.Call(
            "heaps",
            "Lists the guest's heaps.",
            [guest],
            async (connection, p, cancel) =>
                await connection.Guest.ListHeapsAsync(new ListHeapsRequest { Guest = p.GetValue(guest) }, cancellationToken: cancel),
            (_, _, answer) => Output.Table(
                ["name", "minor", "valid heap_flags"],
                answer.Heaps.Select(h => new[] { h.Name, $"{h.Minor}", $"0x{h.ValidHeapFlags:x}" })));

        foreach (Command command in HeapUseCommands.Make(factory))
            yield return command;
        yield return Alloc(factory);
        yield return Mmap(factory, fd);

        Argument<ulong> address = Numbers.Argument("address", "Start of a mapping.");
        yield return factory.Call("munmap", "Removes a mapping.", [address, guest, process], async (connection, p, cancel) =>
            await connection.Guest.MunmapAsync(
                new MunmapRequest { Guest = p.GetValue(guest), Process = p.GetValue(process), Address = p.GetValue(address) },
                cancellationToken: cancel));

        yield return factory.Call("stat", "What lseek and fdinfo tell of a buffer.", [fd, guest, process], async (connection, p, cancel) =>
            await connection.Guest.StatBufferAsync(
                new StatBufferRequest { Guest = p.GetValue(guest), Process = p.GetValue(process), Fd = p.GetValue(fd) },
                cancellationToken: cancel));

        yield return Sync(factory, fd);

        var device = new Option<string>("--device") { Description = "The device. Default: emu0.", DefaultValueFactory = _ => "" };
        yield return factory.Call("attach", "dma_buf_attach.", [fd, device, guest, process], async (connection, p, cancel) =>
            await connection.Guest.AttachAsync(
                new AttachRequest
                {
                    Guest = p.GetValue(guest),
                    Process = p.GetValue(process),
                    Fd = p.GetValue(fd),
                    Device = p.GetValue(device),
                },
                cancellationToken: cancel));

        yield return factory.Call("detach", "dma_buf_detach.", [attachment, guest, process], async (connection, p, cancel) =>
            await connection.Guest.DetachAsync(
                new DetachRequest { Guest = p.GetValue(guest), Process = p.GetValue(process), Attachment = p.GetValue(attachment) },
                cancellationToken: cancel));

        yield return Map(factory, attachment);

        yield return factory.Call("unmap", "dma_buf_unmap_attachment.", [attachment, guest, process], async (connection, p, cancel) =>
            await connection.Guest.UnmapDmaBufAsync(
                new UnmapDmaBufRequest { Guest = p.GetValue(guest), Process = p.GetValue(process), Attachment = p.GetValue(attachment) },
                cancellationToken: cancel));

        yield return factory.Call("release", "close of an fd.", [fd, guest, process], async (connection, p, cancel) =>
            await connection.Guest.ReleaseAsync(
                new ReleaseRequest { Guest = p.GetValue(guest), Process = p.GetValue(process), Fd = p.GetValue(fd) },
                cancellationToken: cancel));
    }

    private static Command Alloc(CommandFactory factory)
    {
        (Option<string> guest, Option<string> process) = (factory.Globals.Guest, factory.Globals.Process);
        var heap = new Argument<string>("heap") { Description = "Name of the heap, for example system_cc_shared." };
        Argument<ulong> length = Numbers.Argument("len", "Bytes, for example 64K.");
        Option<ulong?> fdFlags = Numbers.Optional("--fd-flags", "O_ACCMODE and O_CLOEXEC bits. Default: O_RDWR | O_CLOEXEC (0x80002).");
        Option<ulong> heapFlags = Numbers.Option("--heap-flags", "Flags of the heap.");
        return factory.Call(
            "alloc",
            "DMA_HEAP_IOCTL_ALLOC: a new dma-buf and an fd on it.",
            [heap, length, fdFlags, heapFlags, guest, process],
            async (connection, p, cancel) =>
            {
                var request = new AllocateBufferRequest
                {
                    Guest = p.GetValue(guest),
                    Process = p.GetValue(process),
                    Heap = p.GetValue(heap),
                    Len = p.GetValue(length),
                    HeapFlags = p.GetValue(heapFlags),
                };
                if (p.GetValue(fdFlags) is { } flags)
                    request.FdFlags = checked((uint)flags);
                return await connection.Guest.AllocateBufferAsync(request, cancellationToken: cancel);
            });
    }

    private static Command Mmap(CommandFactory factory, Argument<int> fd)
    {
        (Option<string> guest, Option<string> process) = (factory.Globals.Guest, factory.Globals.Process);
        Option<ulong> offset = Numbers.Option("--offset", "Bytes, a multiple of the page size.");
        Option<ulong> length = Numbers.Option("--length", "Bytes. Default: to the end of the buffer.");
        Option<ulong?> prot = Numbers.Optional("--prot", "PROT_READ 1, PROT_WRITE 2. Default: what the fd allows.");
        Option<ulong?> flags = Numbers.Optional("--flags", "MAP_SHARED 1, MAP_PRIVATE 2. Default: MAP_SHARED.");
        return factory.Call(
            "mmap",
            "mmap of a dma-buf; for host-visible memory also a token for the fd broker.",
            [fd, offset, length, prot, flags, guest, process],
            async (connection, p, cancel) =>
            {
                var request = new MmapRequest
                {
                    Guest = p.GetValue(guest),
                    Process = p.GetValue(process),
                    Fd = p.GetValue(fd),
                    Offset = p.GetValue(offset),
                    Length = p.GetValue(length),
                };
                if (p.GetValue(prot) is { } bits)
                    request.Prot = checked((uint)bits);
                if (p.GetValue(flags) is { } kind)
                    request.Flags = checked((uint)kind);
                return await connection.Guest.MmapAsync(request, cancellationToken: cancel);
            });
    }

    private static Command Sync(CommandFactory factory, Argument<int> fd)
    {
        (Option<string> guest, Option<string> process) = (factory.Globals.Guest, factory.Globals.Process);
        var when = new Argument<string>("when") { Description = "start or end." };
        var what = new Argument<string>("what") { Description = "read, write or rw." };
        when.AcceptOnlyFromAmong("start", "end");
        what.AcceptOnlyFromAmong("read", "write", "rw");
        return factory.Call("sync", "DMA_BUF_IOCTL_SYNC.", [fd, when, what, guest, process], async (connection, p, cancel) =>
        {
            SyncFlags access = p.GetValue(what) switch { "read" => SyncFlags.Read, "write" => SyncFlags.Write, _ => SyncFlags.ReadWrite };
            SyncFlags flags = access | (p.GetValue(when) == "end" ? SyncFlags.End : SyncFlags.Start);
            return await connection.Guest.SyncBufferAsync(
                new SyncBufferRequest
                {
                    Guest = p.GetValue(guest),
                    Process = p.GetValue(process),
                    Fd = p.GetValue(fd),
                    Flags = (ulong)flags,
                },
                cancellationToken: cancel);
        });
    }

    private static Command Map(CommandFactory factory, Argument<ulong> attachment)
    {
        (Option<string> guest, Option<string> process) = (factory.Globals.Guest, factory.Globals.Process);
        Option<ulong> cpu = Numbers.Option("--cpu", "The CPU that maps.");
        var direction = new Option<string>("--direction")
        {
            Description = "bidirectional, to-device or from-device.",
            DefaultValueFactory = _ => "bidirectional",
        };
        direction.AcceptOnlyFromAmong("bidirectional", "to-device", "from-device");
        Symbol[] symbols = [attachment, direction, cpu, guest, process];
        return factory.Call("map", "dma_buf_map_attachment: the DMA addresses.", symbols, async (connection, p, cancel) =>
            await connection.Guest.MapDmaBufAsync(
                new MapDmaBufRequest
                {
                    Guest = p.GetValue(guest),
                    Process = p.GetValue(process),
                    Attachment = p.GetValue(attachment),
                    Cpu = checked((uint)p.GetValue(cpu)),
                    Direction = p.GetValue(direction) switch
                    {
                        "to-device" => DmaDirection.DmaToDevice,
                        "from-device" => DmaDirection.DmaFromDevice,
                        _ => DmaDirection.DmaBidirectional,
                    },
                },
                cancellationToken: cancel));
    }
}
