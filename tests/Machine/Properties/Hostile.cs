using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Devices;
using CocoGuest.Machine.Files;
using CocoGuest.Tests.Machine.Properties.Model;

namespace CocoGuest.Tests.Machine.Properties;

/// <summary>
/// Calls of every method of every room with arguments that a hostile client could send. A number decides the call and all its arguments;
/// some of them are right, so that the wrong ones are reached behind the checks of others.
/// </summary>
internal sealed class Hostile
{
    private const int Rare = 4;

    private static readonly ulong[] Numbers =
    [
        0, 1, 2, 3, 4095, 4096, 4097, 65536, 1UL << 20, (1UL << 20) + 1, 1UL << 31, uint.MaxValue, 1UL << 32, (1UL << 47) - 4096, 1UL << 47,
        1UL << 51, 1UL << 63, ulong.MaxValue - 4096, ulong.MaxValue - 4095, ulong.MaxValue - 1, ulong.MaxValue,
    ];

    private static readonly int[] Fds = [int.MinValue, -2, -1, 0, 1, 2, 3, 4, 5, 63, 64, 65, 1023, 65535, 65536, int.MaxValue];

    private static readonly int[] Lengths = [0, 1, 15, 4096, 65537, 1 << 20, (1 << 20) + 1];

    private static readonly string[] Names =
    [
        "", " ", "emu0", "system", "system_cc_shared", "nosuch", "../../etc/passwd", "a\0b", "nul\0", "zeile\nzeile",
        "\ud800", "äöü", "d1", "d2",
        new('x', 31), new('x', 32), new('x', 64), new('x', 65), new('y', 100_000),
    ];

    private static readonly TimeSpan[] Lives =
        [
            TimeSpan.Zero, TimeSpan.FromTicks(1), TimeSpan.FromTicks(-1), TimeSpan.FromHours(24), TimeSpan.FromHours(25), TimeSpan.MinValue,
            TimeSpan.MaxValue,
        ];

    private readonly World _world;
    private readonly GuestProcess[] _wrong;
    private readonly (string Name, Func<Random, Failure?> Call)[] _calls;

    /// <summary>Calls into a world that a run has filled. Some come with processes that are dead or of another guest.</summary>
    public Hostile(World world, World other)
    {
        _world = world;
        GuestProcess dead = world.Test.Open("dead");
        Assert.Null(world.Guest.Processes.End(dead));
        _wrong = [dead, other.Test.Init];
        _calls = Calls();
    }

    /// <summary>What a call was and how it failed, if it did.</summary>
    public (string Name, Failure? Failure) Call(int bits)
    {
        var dice = new Random(bits);
        (string name, Func<Random, Failure?> call) = _calls[dice.Next(_calls.Length)];
        return (name, call(dice));
    }

    private (string Name, Func<Random, Failure?> Call)[] Calls()
    {
        Guest guest = _world.Guest;
        return
        [
            ("allocate", d => guest.Heaps.Allocate(
                Process(d), Name(d, "system"), Length(d), Flags(d), d.Next(Rare) == 0 ? Number(d) : 0).Failure),
            ("release", d => guest.Buffers.Release(Process(d), Fd(d))),
            ("set name", d => guest.Buffers.SetName(Process(d), Fd(d), Name(d, "n"))),
            ("stat", d => guest.Buffers.Stat(Process(d), Fd(d)).Failure),
            ("export", d => guest.Buffers.Export(
                Process(d), Fd(d), d.Next(2) == 0 ? null : Handle(d), Lives[d.Next(Lives.Length)]).Failure),
            ("import", d => guest.Buffers.Import(Process(d), Handle(d)).Failure),
            ("mmap", d => guest.Mappings.Mmap(
                Process(d), Fd(d), Number(d), d.Next(3) == 0 ? null : Number(d),
                d.Next(2) == 0 ? null : (MapProtection)Enum(d), (MapFlags)Enum(d)).Failure),
            ("munmap", d => guest.Mappings.Munmap(Process(d), Address(d))),
            ("load", d => guest.Mappings.Load(Process(d), Address(d), Bytes(d))),
            ("store", d => guest.Mappings.Store(Process(d), Address(d), Bytes(d))),
            ("attach", d => guest.Importers.Attach(Process(d), Fd(d), Name(d, "emu0")).Failure),
            ("detach", d => guest.Importers.Detach(Process(d), Id(d))),
            ("map", d => guest.Importers.Map(Process(d), Id(d), (DmaDirection)Enum(d), (uint)Number(d)).Failure),
            ("unmap", d => guest.Importers.Unmap(Process(d), Id(d))),
            ("sync", d => guest.Importers.Sync(Process(d), Fd(d), Number(d)).Failure),
            ("register", d => guest.Devices.Register(Process(d), Spec(d)).Failure),
            ("unregister", d => guest.Devices.Unregister(Process(d), Name(d, "emu0"))),
            ("dma read", d => guest.Devices.DmaRead(Process(d), Name(d, ""), Physical(d), Bytes(d))),
            ("dma write", d => guest.Devices.DmaWrite(Process(d), Name(d, ""), Physical(d), Bytes(d))),
            ("open", d => guest.Processes.Open(Name(d, "n")).Failure),
            ("end", d => guest.Processes.End(d.Next(2) == 0 ? _world.Test.Init : _wrong[d.Next(_wrong.Length)])),
            ("host read", d => guest.HostView.Read(Physical(d), Bytes(d))),
            ("page states", d => guest.HostView.PageStates(Physical(d), Number(d), Fds[d.Next(Fds.Length)]).Failure),
        ];
    }

    private GuestProcess Process(Random dice) =>
        dice.Next(Rare) == 0 ? _wrong[dice.Next(_wrong.Length)]
        : _world.ProcessOf(_world.Model.Processes[dice.Next(_world.Model.Processes.Count)]);

    private static string Name(Random dice, string right) => dice.Next(3) == 0 ? right : Names[dice.Next(Names.Length)];

    private static ulong Number(Random dice) =>
        dice.Next(Rare) == 0 ? (ulong)dice.NextInt64(long.MinValue, long.MaxValue) : Numbers[dice.Next(Numbers.Length)];

    private int Fd(Random dice) =>
        dice.Next(2) == 0 && _world.Model.Fds.Count > 0 ? _world.Model.Fds[dice.Next(_world.Model.Fds.Count)].Fd
        : Fds[dice.Next(Fds.Length)];

    // A length that does not take all memory when it is right.
    private static ulong Length(Random dice) => dice.Next(2) == 0 ? (ulong)dice.Next(20000) : Number(dice);

    private static uint Flags(Random dice) => dice.Next(2) == 0 ? 2 : (uint)Number(dice);

    private static int Enum(Random dice) => dice.Next(Rare) == 0 ? Fds[dice.Next(Fds.Length)] : dice.Next(8);

    private static byte[] Bytes(Random dice) => new byte[Lengths[dice.Next(Lengths.Length)]];

    private ulong Address(Random dice)
    {
        if (dice.Next(2) == 0 || _world.Model.Vmas.Count == 0)
        {
            return Number(dice);
        }

        ModelVma vma = _world.Model.Vmas[dice.Next(_world.Model.Vmas.Count)];
        return vma.Address + (dice.Next(2) == 0 ? 0 : vma.Length - (ulong)dice.Next(-1, 40));
    }

    private ulong Physical(Random dice) =>
        dice.Next(2) == 0 || _world.EverAllocated.Count == 0
            ? Number(dice) + (dice.Next(2) == 0 ? 0 : _world.Guest.HostView.EndAddress)
            : _world.EverAllocated.OrderBy(c => c.Frame).First().Address + (ulong)dice.Next(1 << 21);

    private ulong Id(Random dice) =>
        dice.Next(3) == 0 || _world.Model.Attachments.Count == 0 ? Number(dice)
        : _world.Model.Attachments[dice.Next(_world.Model.Attachments.Count)].Id;

    private Handle128 Handle(Random dice) =>
        dice.Next(2) == 0 || _world.Model.Tokens.Count == 0 ? new Handle128(Number(dice), Number(dice)) : _world.Model.Tokens[0].Token;

    private static DeviceSpec Spec(Random dice) => new()
    {
        Name = Name(dice, "fresh"),
        Kind = dice.Next(2) == 0 ? "" : Name(dice, "rdma"),
        DmaMask = dice.Next(2) == 0 ? ulong.MaxValue : Number(dice),
        MinAlignMask = dice.Next(2) == 0 ? 0 : Number(dice),
    };
}
