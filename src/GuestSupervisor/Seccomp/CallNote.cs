namespace CocoGuest.Supervisor.Seccomp;

/// <summary>What a user can rely on in one use of a call: a row of the table in docs/run.md.</summary>
/// <param name="Fidelity">How the answer relates to the emulated kernel's.</param>
/// <param name="Use">Which use of the call it is; empty: all.</param>
/// <param name="Remark">What is exact, or what differs, in Markdown.</param>
/// <param name="Known">How that is known: tried with a program, or read in the code.</param>
internal sealed record CallNote(Fidelity Fidelity, string Use, string Remark, string Known = CallNote.Seen)
{
    /// <summary>Tried with a C program.</summary>
    public const string Seen = "seen";

    /// <summary>Derived from the code alone.</summary>
    public const string Read = "read";
}
