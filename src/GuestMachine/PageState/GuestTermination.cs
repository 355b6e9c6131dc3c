namespace CocoGuest.Machine.PageState;

/// <summary>
/// How a guest ended: the state TERMINATED of S-SNP-37 with the reason it gave to the hypervisor (S-SNP-33), or another end of
/// <see cref="TerminationKind"/>. Immutable.
/// </summary>
/// <param name="ReasonSet">0 general, 1 Linux.</param>
/// <param name="Code">The reason inside the set.</param>
/// <param name="Sentence">What the guest was doing; names frames, never contents.</param>
public sealed record GuestTermination(byte ReasonSet, byte Code, string Sentence)
{
    /// <summary>Linux's reason set.</summary>
    internal const byte LinuxSet = 1;

    /// <summary>Linux: page state change failed.</summary>
    internal const byte PageStateChange = 1;

    /// <summary>Linux: PVALIDATE failed, or said "no change" (S-SNP-11).</summary>
    internal const byte Pvalidate = 2;

    /// <summary>Which kind of end; reason set and code mean something for a request only.</summary>
    public TerminationKind Kind { get; init; }

    /// <summary>The end in words, for log lines and errors.</summary>
    public string Words => Kind switch
    {
        TerminationKind.Request => $"terminated: reason set {ReasonSet}, code {Code} ({Reason}): {Sentence}",
        TerminationKind.Panic => $"panicked: {Sentence}",
        _ => $"stopped: {Sentence}",
    };

    /// <summary>An end without a reason code.</summary>
    internal static GuestTermination Of(TerminationKind kind, string sentence) => new(0, 0, sentence) { Kind = kind };

    private const ulong TerminationRequest = 0x100;
    private const int SetShift = 12;
    private const int CodeShift = 16;

    private static readonly string[] GeneralReasons = ["request", "protocol unsupported", "SNP unsupported"];

    // S-SNP-33 and, from code 10 on, S-SNP-39.
    private static readonly string[] LinuxReasons =
    [
        "GHCB registration", "page state change", "PVALIDATE", "not VMPL0", "CPUID", "CPUID by hypervisor", "secrets page",
        "SVSM", "SVSM", "SVSM", "secure TSC", "SVSM area remap", "secure AVIC",
    ];

    /// <summary>The reason in words (S-SNP-33, S-SNP-39).</summary>
    public string Reason
    {
        get
        {
            string[] names = ReasonSet == LinuxSet ? LinuxReasons : GeneralReasons;
            return Code < names.Length && ReasonSet <= LinuxSet ? names[Code] : "unknown";
        }
    }

    /// <summary>The value written to the GHCB MSR: request code 0x100, set in bits 15:12, code in 23:16 (S-SNP-33).</summary>
    public ulong MsrValue => TerminationRequest | ((ulong)(ReasonSet & 0xf) << SetShift) | ((ulong)Code << CodeShift);
}
