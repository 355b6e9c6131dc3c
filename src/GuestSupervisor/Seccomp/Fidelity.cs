namespace CocoGuest.Supervisor.Seccomp;

/// <summary>How the answer of a call relates to the emulated kernel's.</summary>
internal enum Fidelity
{
    /// <summary>The answer is the machine's, or the host kernel's where that is the same.</summary>
    Exact,

    /// <summary>Exact with --strict; without, the answer is the one that a memfd gives.</summary>
    Strict,

    /// <summary>The answer is known to be another.</summary>
    Differs,
}
