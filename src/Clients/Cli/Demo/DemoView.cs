using System.Globalization;
using Spectre.Console;

namespace CocoGuest.Cli.Demo;

/// <summary>Shows a report to a person.</summary>
internal static class DemoView
{
    public static void Show(DemoReport report)
    {
        Console.Out.WriteLine();
        if (report.Processes.Count > 0)
            Output.Screen.Write(Processes(report));
        if (report.During is not null)
            Output.Screen.Write(Machine(report));
        if (report.Page is { } page)
            ShowPage(report, page);
        ShowVerdict(report);
    }

    private static Table Processes(DemoReport report)
    {
        Table table = NewTable(
            "Bytes moved per process", "process", "pid", "CPU, direct", "CPU, Load/Store", "DMA, direct", "DMA, DmaRead/Write", "RDMA");
        foreach (ProcessRow row in report.Processes)
        {
            table.AddRow(
                row.Role,
                Number(row.Pid ?? 0),
                Number(row.Cpu),
                Number(row.CpuByServer),
                Number(row.Dma),
                Number(row.DmaByServer),
                Number(row.Rdma));
        }

        foreach (TableColumn? column in table.Columns.Skip(1))
            column.RightAligned();
        return table;
    }

    private static Table Machine(DemoReport report)
    {
        (V1.GuestInfo during, V1.CopyCounters copies, V1.ConversionCounters conversions) =
            (report.During!, report.Copies!, report.Conversions!);
        Table table = NewTable("The guest and the server", "what", "value");
        table.AddRow("server", Markup.Escape(report.Server));
        table.AddRow("picture", report.Picture);
        if (report.Input is { } input)
            table.AddRow("from, to", Markup.Escape($"{input}, {report.Options.Output}"));
        table.AddRow(
            "bytes copied by the server",
            $"Load {Number(copies.LoadBytes)}, Store {Number(copies.StoreBytes)}, DmaRead {Number(copies.DmaReadBytes)}, "
                + $"DmaWrite {Number(copies.DmaWriteBytes)}, bounce {Number(copies.BounceBytes)}, "
                + $"shared mappings {Number(copies.SharedMappingBytes)}");
        table.AddRow("reachable by fd tokens", $"{Number(copies.SharedMappedBytes)} bytes in {Number(copies.SharedMappings)} mappings");
        table.AddRow("conversions until the result was saved", Conversions(conversions));
        table.AddRow(
            "conversions by the release after it",
            report.ConversionsAtRelease is { } released ? Conversions(released) : "none: it stopped before");
        table.AddRow(
            "swiotlb slots",
            $"{Number(during.Swiotlb.SlotsUsed)} used, {Number(during.Swiotlb.SlotsHighWater)} high water, "
                + $"of {Number(during.Swiotlb.Slots)}; "
                + $"{Number(during.Swiotlb.BouncedMappings)} bounced, {Number(during.Swiotlb.FailedMappings)} failed mappings");
        table.AddRow("application's pages before", Markup.Escape(report.StatesBefore));
        table.AddRow("application's pages at the save", Markup.Escape(report.StatesDuring));
        table.AddRow("application's pages after the release", Markup.Escape(report.StatesAfter));
        table.AddRow(
            "shared with the host",
            $"{Number(report.Before?.Memory.SharedBytes ?? 0)} bytes before, {Number(during.Memory.SharedBytes)} at the save, "
                + $"{(report.After is null ? "-" : Number(report.After.Memory.SharedBytes))} after the release");
        return table;
    }

    private static string Conversions(V1.ConversionCounters done) =>
        $"{Number(done.ToShared)} to shared ({Number(done.PagesToShared)} pages), "
        + $"{Number(done.ToPrivate)} to private ({Number(done.PagesToPrivate)} pages), "
        + $"{Number(done.HypervisorCalls)} hypervisor calls in {Number(done.Batches)} batches";

    private static void ShowPage(DemoReport report, PrivatePage page)
    {
        Console.Out.WriteLine($"One private page at guest-physical 0x{page.Address:x}, platform {report.Options.Platform}");
        Console.Out.WriteLine("  as the guest sees it");
        foreach (string line in Output.HexDump(page.Address, page.Guest))
            Console.Out.WriteLine("    " + line);
        Console.Out.WriteLine($"  as the host sees it: {page.HostSees}");
        foreach (string line in Output.HexDump(page.Address, page.Host))
            Console.Out.WriteLine("    " + line);
        Console.Out.WriteLine();
    }

    private static void ShowVerdict(DemoReport report)
    {
        DemoPrediction prediction = report.Prediction;
        if (report.Error is { } error)
            Console.Out.WriteLine($"Stopped: {error}");
        Console.Out.WriteLine($"Predicted: {Sentence(prediction.Outcome)} ({prediction.Statements})");
        Console.Out.WriteLine($"  {prediction.Because}");
        Console.Out.WriteLine($"Happened:  {Sentence(report.Outcome)}");
        foreach ((string? sentence, bool held) in report.Checks)
            Console.Out.WriteLine($"  {(held ? "holds" : "DOES NOT HOLD")}: {sentence}");
        Console.Out.WriteLine(report.AsPredicted ? "The outcome equals the prediction." : "THE OUTCOME DIFFERS FROM THE PREDICTION.");
    }

    private static string Sentence(DemoOutcome outcome) => outcome switch
    {
        DemoOutcome.Picture => "the application has the sharpened picture, pixel for pixel",
        DemoOutcome.NoSuchHeap => "allocation fails with ENOENT",
        DemoOutcome.MapFailed => "mapping the buffer for the first importer fails with EIO",
        DemoOutcome.Untouched => "the application reads stale bytes: the zeros of its allocation",
        DemoOutcome.SharpenedZeros => "the application reads the sharpened form of stale zeros",
        _ => "none of the outcomes that the statements know",
    };

    private static Table NewTable(string title, params string[] columns)
    {
        Table table = new Table().Title(title).Border(TableBorder.Rounded);
        foreach (string column in columns)
            table.AddColumn(column);
        return table;
    }

    private static string Number(ulong number) => number.ToString("N0", CultureInfo.InvariantCulture);

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);
}
