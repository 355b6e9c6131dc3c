using System.Globalization;
using System.Xml.Linq;
using CocoGuest.Machine.Diagnostics;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Supervisor.Reports;

/// <summary>A report as JUnit XML, which CI systems show: the program, its leaks and each armed fault are test cases.</summary>
public static class ReportJUnit
{
    /// <summary>Writes it.</summary>
    public static string Of(RunReport report)
    {
        XElement[] cases =
        [
            Case("exit status", report.ExitCode == 0 ? null : $"exit status {report.ExitCode}"),
            Case(
                "everything closed",
                report.Leaks.Count == 0 ? null : string.Join('\n', report.Leaks.Select(l => Printable.Of(l.ToString())))),
            .. report.Faults.Select(f =>
                Case($"fault {f.Id} {FaultPointInfo.Of(f.Spec.Point).Name} fired", f.Fired == 0 ? "it never fired" : null)),
        ];
        string guest = $"{ShapeWords.NameOf(report.Shape.Platform)}, {ShapeWords.NameOf(report.Shape.Kernel)}";
        string suite = Printable.Of($"{Path.GetFileName(report.Program[0])} ({guest})");
        return new XElement("testsuite",
            new XAttribute("name", suite),
            new XAttribute("tests", cases.Length),
            new XAttribute("failures", cases.Count(c => c.HasElements)),
            new XElement("properties", RunCosts.Of(report).Select(c => new XElement("property",
                new XAttribute("name", c.Name), new XAttribute("value", c.Value.ToString(CultureInfo.InvariantCulture))))),
            cases).ToString() + "\n";
    }

    private static XElement Case(string name, string? failure)
    {
        var element = new XElement("testcase", new XAttribute("classname", "coco.run"), new XAttribute("name", name));
        if (failure is not null)
        {
            element.Add(new XElement("failure", failure));
        }

        return element;
    }
}
