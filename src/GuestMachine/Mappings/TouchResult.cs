using System.Globalization;

namespace CocoGuest.Machine.Mappings;

/// <summary>What a program sees that touches one byte of memory.</summary>
/// <param name="Signal">0, SIGBUS 7 or SIGSEGV 11.</param>
/// <param name="Code">The signal's si_code.</param>
public readonly record struct TouchResult(int Signal, int Code)
{
    /// <summary>SIGBUS.</summary>
    public const int Sigbus = 7;

    /// <summary>SIGSEGV.</summary>
    public const int Sigsegv = 11;

    /// <summary>The access happened.</summary>
    public static TouchResult Done { get; } = new(0, 0);

    /// <summary>SEGV_MAPERR: nothing is mapped there.</summary>
    public static TouchResult NotMapped { get; } = new(Sigsegv, 1);

    /// <summary>SEGV_ACCERR: the mapping does not allow it.</summary>
    public static TouchResult NoRight { get; } = new(Sigsegv, 2);

    /// <summary>SEGV_PKUERR: execute-only memory.</summary>
    public static TouchResult ProtectionKey { get; } = new(Sigsegv, 4);

    /// <summary>BUS_ADRERR: the page cannot be had (S-CMA-04), or the view faults.</summary>
    public static TouchResult Bus { get; } = new(Sigbus, 2);

    /// <summary><c>ok</c>, or the signal's name and code.</summary>
    public override string ToString() =>
        Signal == 0 ? "ok" : string.Create(CultureInfo.InvariantCulture, $"{(Signal == Sigbus ? "SIGBUS" : "SIGSEGV")}/{Code}");
}
