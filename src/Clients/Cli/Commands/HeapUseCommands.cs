using System.CommandLine;
using CocoGuest.V1;

namespace CocoGuest.Cli.Commands;

/// <summary>The map from uses to heaps: uses, set-use, alloc-for.</summary>
internal static class HeapUseCommands
{
    public static IEnumerable<Command> Make(CommandFactory factory)
    {
        (Option<string> guest, Option<string> process) = (factory.Globals.Guest, factory.Globals.Process);
        var use = new Argument<string>("use") { Description = "Name of the use, for example rdma-control or scanout." };
        var heap = new Argument<string>("heap") { Description = "Name of the heap, for example system_cc_shared." };
        Option<ulong> heapFlags = Numbers.Option("--heap-flags", "Flags of the heap.");
        Argument<ulong> length = Numbers.Argument("len", "Bytes, for example 64K.");

        yield return factory.Call(
            "uses",
            "Lists which heap each use gets.",
            [guest],
            async (connection, p, cancel) =>
                await connection.Guest.ListHeapUsesAsync(new ListHeapUsesRequest { Guest = p.GetValue(guest) }, cancellationToken: cancel),
            (_, _, answer) => Output.Table(
                ["use", "heap", "heap_flags", "default"],
                answer.Uses.Select(u => new[] { u.Use, u.Heap, $"0x{u.HeapFlags:x}", u.IsDefault ? "yes" : "no" })));

        yield return factory.Call("set-use", "Sets the heap of a use.", [use, heap, heapFlags, guest], async (connection, p, cancel) =>
            await connection.Guest.SetHeapUseAsync(
                new SetHeapUseRequest
                {
                    Guest = p.GetValue(guest),
                    Use = p.GetValue(use),
                    Heap = p.GetValue(heap),
                    HeapFlags = p.GetValue(heapFlags),
                },
                cancellationToken: cancel));

        yield return factory.Call(
            "alloc-for",
            "A new dma-buf from the heap of a use, and an fd on it.",
            [use, length, guest, process],
            async (connection, p, cancel) => await connection.Guest.AllocateBufferAsync(
                new AllocateBufferRequest
                {
                    Guest = p.GetValue(guest),
                    Process = p.GetValue(process),
                    Use = p.GetValue(use),
                    Len = p.GetValue(length),
                },
                cancellationToken: cancel));
    }
}
