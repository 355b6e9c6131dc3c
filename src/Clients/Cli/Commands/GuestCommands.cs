using System.CommandLine;
using System.Globalization;
using CocoGuest.Cli.Show;
using CocoGuest.V1;

namespace CocoGuest.Cli.Commands;

/// <summary><c>coco guest ls|create|show|rm</c>.</summary>
internal static class GuestCommands
{
    public static Command Make(CommandFactory factory)
    {
        var guest = new Command("guest", "Guests: list, create, show, remove.");
        guest.Subcommands.Add(List(factory));
        guest.Subcommands.Add(Create(factory));
        guest.Subcommands.Add(Show(factory));
        guest.Subcommands.Add(Remove(factory));
        return guest;
    }

    private static Command List(CommandFactory factory)
    {
        Command list = Listing(factory);
        list.Aliases.Add("list");
        return list;
    }

    private static Command Listing(CommandFactory factory) => factory.Call(
        "ls",
        "Lists the guests.",
        [],
        async (connection, _, cancel) => await connection.Host.ListGuestsAsync(new ListGuestsRequest(), cancellationToken: cancel),
        (_, _, answer) => Output.Table(
            ["name", "platform", "kernel", "memory", "used", "shared", "processes", "buffers", "state"],
            answer.Guests.Select(g => new[]
            {
                g.Shape.Name,
                g.Shape.Platform,
                g.Shape.Kernel,
                Amounts.Bytes(g.Memory.TotalBytes),
                Amounts.Bytes(g.Memory.UsedBytes),
                Amounts.Bytes(g.Memory.SharedBytes),
                g.Objects.Processes.ToString(CultureInfo.InvariantCulture),
                g.Objects.Buffers.ToString(CultureInfo.InvariantCulture),
                // Why it ended takes a sentence, which show has.
                g.State.Split(':')[0],
            })));

    private static Command Create(CommandFactory factory)
    {
        var name = new Argument<string>("name") { Description = "1 to 64 of a-z, A-Z, 0-9, '-', '_', '.'." };
        Option<string> platform = ShapeWordOptions.Platform();
        Option<string> kernel = ShapeWordOptions.Kernel();
        Option<ulong> memory = Numbers.Option("--memory", "Bytes of RAM, for example 512M. Default: 4G.");
        Option<ulong> cpus = Numbers.Option("--cpus", "Possible CPUs. Default: 2.");
        var swiotlb = new Option<string>("--swiotlb")
        {
            Description = "The kernel's swiotlb= value: slots of 2 KiB, areas, force or noforce: 32768,force is 64 MiB.",
            DefaultValueFactory = _ => "",
        };
        var cma = new Option<string>("--cma") { Description = "The kernel's cma= value.", DefaultValueFactory = _ => "" };
        Option<ulong> cBit = Numbers.Option("--c-bit", "Position of the C-bit (SEV, SEV-SNP). Default: 51.");
        Option<ulong> gpaWidth = Numbers.Option("--gpa-width", "Guest-physical address width (TDX). Default: 52.");
        var heaps = new Option<string[]>("--heap")
        {
            Description = "A heap to register; may be repeated. Default: all.",
            DefaultValueFactory = _ => [],
        };
        Option<ulong> order8 = Numbers.Option("--order8-fails-from", "The n-th and later 1 MiB requests fail. Default: never.");
        Option<ulong> order4 = Numbers.Option("--order4-fails-from", "The n-th and later 64 KiB requests fail. Default: never.");
        Option<ulong> seed = Numbers.Option("--seed", "Decides keys and all that is random in hardware. Default: 0.");
        Symbol[] symbols = [name, platform, kernel, memory, cpus, swiotlb, cma, cBit, gpaWidth, heaps, order8, order4, seed];
        return factory.Call("create", "Creates a guest.", symbols, async (connection, parsed, cancel) =>
        {
            var shape = new GuestShape
            {
                Name = parsed.GetValue(name),
                Platform = parsed.GetValue(platform),
                Kernel = parsed.GetValue(kernel),
                MemoryBytes = parsed.GetValue(memory),
                Cpus = checked((uint)parsed.GetValue(cpus)),
                Swiotlb = parsed.GetValue(swiotlb),
                Cma = parsed.GetValue(cma),
                CBitPosition = checked((uint)parsed.GetValue(cBit)),
                GpaWidth = checked((uint)parsed.GetValue(gpaWidth)),
                Seed = parsed.GetValue(seed),
                Fragmentation = new Fragmentation { Order8FailsFrom = parsed.GetValue(order8), Order4FailsFrom = parsed.GetValue(order4) },
            };
            shape.Heaps.AddRange(parsed.GetValue(heaps));
            return await connection.Host.CreateGuestAsync(new CreateGuestRequest { Shape = shape }, cancellationToken: cancel);
        });
    }

    private static Command Show(CommandFactory factory)
    {
        var name = new Argument<string>("name") { Description = "The guest.", DefaultValueFactory = _ => "" };
        return factory.Call("show", "Shows a guest and what it holds.", [name], async (connection, parsed, cancel) =>
            await connection.Host.GetGuestAsync(new GetGuestRequest { Guest = parsed.GetValue(name) }, cancellationToken: cancel));
    }

    private static Command Remove(CommandFactory factory)
    {
        var name = new Argument<string>("name") { Description = "The guest." };
        return factory.Call("rm", "Destroys a guest and all that it holds.", [name], async (connection, parsed, cancel) =>
            await connection.Host.DestroyGuestAsync(new DestroyGuestRequest { Guest = parsed.GetValue(name) }, cancellationToken: cancel));
    }
}
