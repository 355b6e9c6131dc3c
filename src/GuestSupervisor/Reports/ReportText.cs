using System.Globalization;
using System.Text;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Supervisor.Reports;

/// <summary>A report for people, on stderr after the run.</summary>
public static class ReportText
{
    /// <summary>Writes it.</summary>
    public static string Of(RunReport report)
    {
        var text = new StringBuilder();
        Line(text, $"{report.Program[0]} in a guest of platform {ShapeWords.NameOf(report.Shape.Platform)}, kernel "
            + $"{ShapeWords.NameOf(report.Shape.Kernel)}: exit status {report.ExitCode}");
        if (report.Guest.State != "running")
        {
            Line(text, $"the guest ended: {report.Guest.State}");
        }

        foreach (Leak leak in report.Leaks)
        {
            Line(text, $"never closed: {leak}");
        }

        if (report.LeftRunning != 0)
        {
            Line(text, $"left running and killed: {report.LeftRunning} process(es)");
        }

        foreach (Machine.Diagnostics.FaultStatus fault in report.Faults)
        {
            Line(text, $"fault {Machine.Diagnostics.FaultPointInfo.Of(fault.Spec.Point).Name}: {fault.Calls} calls, {fault.Fired} failed"
                + (fault.Fired == 0 ? " - it never fired, so this run tested less than it was meant to" : ""));
        }

        string costs = string.Join(", ", RunCosts.Of(report).Where(c => c.Value != 0).Select(c =>
            string.Create(CultureInfo.InvariantCulture, $"{c.Words} {c.Value}")));
        Line(text, costs.Length != 0 ? costs : "no conversions, no bouncing");
        return text.ToString();
    }

    private static void Line(StringBuilder text, string line) => text.Append("coco run: ").Append(Printable.Of(line)).Append('\n');
}
