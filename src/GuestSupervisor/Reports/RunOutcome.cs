namespace CocoGuest.Supervisor.Reports;

/// <summary>How a run ended, in every form that a caller may want.</summary>
/// <param name="ExitCode">The program's; 128 and the signal's number if one ended it.</param>
/// <param name="Text">For people.</param>
/// <param name="Json">For programs; empty: the program never began.</param>
/// <param name="JUnit">For CI systems.</param>
/// <param name="UnfiredFaults">Armed faults that never fired.</param>
public sealed record RunOutcome(int ExitCode, string Text, string Json, string JUnit, int UnfiredFaults)
{
    /// <summary>Exit status of a run that cannot be begun, or whose outcome nobody knows.</summary>
    public const int NoOutcome = 125;

    /// <summary>The forms of a report.</summary>
    public static RunOutcome Of(RunReport report) =>
        new(report.ExitCode, ReportText.Of(report), ReportJson.Of(report), ReportJUnit.Of(report), report.Unfired.Count());

    /// <summary>The program never began, or nobody was left to say how it went.</summary>
    public static RunOutcome WithoutReport(int exitCode, string sentence) => new(exitCode, sentence, "", "", 0);
}
