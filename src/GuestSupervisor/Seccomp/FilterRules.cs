namespace CocoGuest.Supervisor.Seccomp;

/// <summary>
/// Which system calls the supervisor sees: the rules of <see cref="CallTable"/>. What no rule names runs natively; the kernel knows that
/// before it runs the filter.
/// </summary>
internal static class FilterRules
{
    /// <summary>
    /// Families of ioctls (bits 8 to 15 of the command) of emulated files: dma_heap, dma-buf, DRM, udmabuf, sw_sync, sync file.
    /// </summary>
    public static readonly byte[] IoctlFamilies = "HbduW>"u8.ToArray();

    /// <summary>
    /// Calls that programs make most, and that cannot be allowed by their number alone: they are decided before all others.
    /// </summary>
    public static readonly SystemCall[] Hot = [SystemCall.Read, SystemCall.Write];

    private static readonly FilterRule[] Common = [.. CallTable.All.SelectMany(group => group.Rules)];

    private static readonly FilterRule[] StrictOnly = [.. CallTable.All.SelectMany(group => group.StrictRules)];

    private static readonly FilterRule[] ReportOnly = [.. CallTable.All.SelectMany(group => group.ReportRules)];

    /// <summary>The rules, one a call.</summary>
    /// <param name="strict">With what only --strict wants.</param>
    /// <param name="report">With what only the report of what was never closed wants.</param>
    public static IReadOnlyList<FilterRule> For(bool strict, bool report = true) =>
    [
        .. strict ? [.. Common.Where(c => StrictOnly.All(s => s.Call != c.Call)), .. StrictOnly] : Common,
        .. report ? ReportOnly : [],
    ];
}
