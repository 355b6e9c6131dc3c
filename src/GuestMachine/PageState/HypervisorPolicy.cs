using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Memory;

namespace CocoGuest.Machine.PageState;

/// <summary>
/// How the VMM of a guest behaves (S-SETM-26): which exits it treats badly, how, and what is set up in KVM. Deterministic: exits are
/// counted from the moment the policy is set. Immutable.
/// </summary>
public sealed record HypervisorPolicy
{
    /// <summary>A VMM that obeys.</summary>
    public static HypervisorPolicy Obedient { get; } = new();

    /// <summary>What it does to the exits picked.</summary>
    public HypervisorConduct Conduct { get; init; }

    /// <summary>Only exits of this direction; null: all.</summary>
    public ConversionDirection? Only { get; init; }

    /// <summary>Exits of that direction that are obeyed first.</summary>
    public ulong After { get; init; }

    /// <summary>How many exits are picked then; the others are obeyed.</summary>
    public ulong Times { get; init; } = ulong.MaxValue;

    /// <summary>Pages of 4 KiB that a half-doing or lying VMM does of each exit.</summary>
    public ulong Pages { get; init; }

    /// <summary>Nanoseconds of guest time that every exit takes.</summary>
    public ulong NanosecondsPerExit { get; init; }

    /// <summary>User-space exits for hypercall 12 are enabled (S-SEV-05, S-SNP-38, S-TDX-15).</summary>
    public bool MapGpaRangeExits { get; init; } = true;

    /// <summary>Old backings of converted pages are dropped (S-SNP-32).</summary>
    public bool DiscardsOldBacking { get; init; } = true;

    /// <summary>TDX: an event waits for the vCPU after each piece of 2 MiB (S-TDX-15).</summary>
    public bool EventPending { get; init; }

    /// <summary>EINVAL naming the field at fault, or null.</summary>
    public Failure? Check() =>
        !Enum.IsDefined(Conduct) ? Wrong("conduct", $"There is no conduct {(int)Conduct}.")
        : Only is { } only && !Enum.IsDefined(only) ? Wrong("only", $"There is no direction {(int)only}.")
        : Pages != 0 && Conduct < HypervisorConduct.HalfDo
            ? Wrong("pages", $"pages {Pages} means nothing to conduct {Conduct}.")
        : null;

    private static Failure Wrong(string field, string sentence) =>
        new(Errno.EINVAL, "set_hypervisor_policy", $"check {field}", sentence, field);
}
