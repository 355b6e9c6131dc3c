using CocoGuest.Tests.EndToEnd.Processes;

namespace CocoGuest.Tests.EndToEnd.Kill;

/// <summary>What processes hold in the guest.</summary>
internal readonly record struct Holdings(
    ulong Processes, ulong Devices, ulong Fds, ulong Mappings, ulong Attachments, ulong DmaMappings, ulong Slots, ulong Buffers,
    ulong BufferBytes)
{
    /// <summary>Bytes of each buffer of the play.</summary>
    public const int BufferSize = 65536;

    private const ulong SlotsOfABuffer = BufferSize / 2048;

    /// <summary>What each role comes to hold at each step, from the play and from nothing else.</summary>
    private static readonly (CastStep Step, CastRole Role, Holdings Gained)[] Table =
    [
        (CastStep.Started, CastRole.Application, new() { Processes = 1 }),
        (CastStep.Started, CastRole.Sender, new() { Processes = 1, Devices = 1 }),
        (CastStep.Started, CastRole.Receiver, new() { Processes = 1, Devices = 1 }),
        (CastStep.Started, CastRole.Gpu, new() { Processes = 1, Devices = 1 }),
        (CastStep.Allocated, CastRole.Application, new() { Fds = 2 }),
        (CastStep.Allocated, CastRole.Sender, new() { Fds = 1 }),
        (CastStep.Written, CastRole.Application, new() { Mappings = 2 }),
        (CastStep.Written, CastRole.Sender, new() { Mappings = 1 }),
        (CastStep.Imported, CastRole.Receiver, new() { Fds = 1 }),
        (CastStep.Imported, CastRole.Gpu, new() { Fds = 2 }),
        (CastStep.Registered, CastRole.Sender, new() { Attachments = 1, DmaMappings = 1 }),
        (CastStep.Registered, CastRole.Receiver, new() { Attachments = 1, DmaMappings = 1 }),
        // A PRIME import has two references on the file beside the attachment's (S-GPU-11): fds of their own here.
        (CastStep.Registered, CastRole.Gpu, new() { Fds = 4, Attachments = 2, DmaMappings = 2, Slots = SlotsOfABuffer }),
    ];

    /// <summary>Who holds which buffer from which step on.</summary>
    private static readonly (string Buffer, CastRole Role, CastStep From)[] Holders =
    [
        ("picture", CastRole.Application, CastStep.Allocated), ("picture", CastRole.Receiver, CastStep.Imported),
        ("picture", CastRole.Gpu, CastStep.Imported),
        ("secret", CastRole.Application, CastStep.Allocated), ("secret", CastRole.Gpu, CastStep.Imported),
        ("source", CastRole.Sender, CastStep.Allocated),
    ];

    /// <summary>What a guest must hold after a step, when only these live.</summary>
    public static Holdings After(CastStep step, IReadOnlyCollection<CastRole> living)
    {
        Holdings sum = Table.Where(row => row.Step <= step && living.Contains(row.Role))
            .Aggregate(default(Holdings), (s, row) => s + row.Gained);
        int buffers = Holders.Where(row => row.From <= step && living.Contains(row.Role)).Select(row => row.Buffer).Distinct().Count();
        return sum with { Buffers = (ulong)buffers, BufferBytes = (ulong)(buffers * BufferSize) };
    }

    /// <summary>What a guest holds more than it held before.</summary>
    public static Holdings Between(GuestCensus before, GuestCensus now) => new(
        now.Objects.Processes - before.Objects.Processes,
        now.Objects.Devices - before.Objects.Devices,
        now.Objects.Fds - before.Objects.Fds,
        now.Objects.Mappings - before.Objects.Mappings,
        now.Objects.Attachments - before.Objects.Attachments,
        now.Objects.DmaMappings - before.Objects.DmaMappings,
        now.SlotsUsed - before.SlotsUsed,
        now.Objects.Buffers - before.Objects.Buffers,
        now.Memory.UsedBytes - before.Memory.UsedBytes);

    public static Holdings operator +(Holdings a, Holdings b) => new(
        a.Processes + b.Processes, a.Devices + b.Devices, a.Fds + b.Fds, a.Mappings + b.Mappings, a.Attachments + b.Attachments,
        a.DmaMappings + b.DmaMappings, a.Slots + b.Slots, a.Buffers + b.Buffers, a.BufferBytes + b.BufferBytes);
}
