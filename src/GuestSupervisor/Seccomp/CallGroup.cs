namespace CocoGuest.Supervisor.Seccomp;

/// <summary>System calls that share what is to be said of them: when the filter stops each, and how exact their answers are.</summary>
internal sealed class CallGroup
{
    /// <summary>When the filter stops the calls; empty for calls that it never stops.</summary>
    public IReadOnlyList<FilterRule> Rules { get; init; } = [];

    /// <summary>
    /// What --strict has in place of <see cref="Rules"/>. It costs other calls something, so only who asks for the kernel's every
    /// answer pays.
    /// </summary>
    public IReadOnlyList<FilterRule> StrictRules { get; init; } = [];

    /// <summary>What is stopped only for the report of what was never closed, where somebody wants it.</summary>
    public IReadOnlyList<FilterRule> ReportRules { get; init; } = [];

    /// <summary>Calls, or ways of a file into a process, that the filter never stops: the host's kernel answers.</summary>
    public IReadOnlyList<string> Native { get; init; } = [];

    /// <summary>How exact the answers are.</summary>
    public required IReadOnlyList<CallNote> Notes { get; init; }

    /// <summary>The names of the calls as C has them.</summary>
    public IEnumerable<string> Names =>
        [.. Rules.Concat(StrictRules).Concat(ReportRules).Select(r => NameOf(r.Call)).Distinct(), .. Native];

    // CopyFileRange is copy_file_range.
    private static string NameOf(SystemCall call) => string.Concat(
        $"{call}".Select((c, at) => char.IsUpper(c) && at != 0 ? $"_{char.ToLowerInvariant(c)}" : $"{char.ToLowerInvariant(c)}"));
}
