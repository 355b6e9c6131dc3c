using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using CocoGuest.Cli.Commands;
using CocoGuest.Client;
using CocoGuest.Imaging;
using CocoGuest.Machine.Profiles;
using Spectre.Console;

namespace CocoGuest.Cli.Demo;

/// <summary><c>coco demo</c>, and the application that it starts as a process of its own.</summary>
internal static class DemoCommand
{
    private const string Description = """
        The whole path in six processes: a server (the one that runs, else one of the demo's own), this program, an application, two RDMA
        importers, a DRM importer. A picture goes by RDMA WRITE into the application's buffer, the GPU sharpens it into a second one, the
        application saves it. The demo says before what the reference's statements predict, and checks the outcome against it.
        With --heap system on an encrypted guest it shows what shared memory is for: EIO for a 1 MiB chunk; below that (--size 320x200)
        bouncing, right only with syncs (--no-sync) and the right order of attachments (--order).
        Exit code 0: the outcome equals the prediction; 1: it does not, or an error, also the ENOENT of system_cc_shared on platform none.
        """;

    public static Command Make(GlobalOptions globals)
    {
        var input = new Option<string?>("--input")
        {
            Description = "A PNG, JPEG or BMP file. Default: a picture is drawn.",
        };
        var output = new Option<string>("--output")
        {
            Description = "Where the result goes: a PNG file. A drawn picture goes beside it, as NAME-input.png.",
            DefaultValueFactory = _ => "./coco-demo.png",
        };
        string[] platforms = [.. PrivatePage.Expected.Keys];
        var platform = new Option<string>("--platform")
        {
            Description = string.Join(", ", platforms) + ".",
            DefaultValueFactory = _ => ShapeWords.DefaultPlatform,
        };
        platform.AcceptOnlyFromAmong(platforms);
        var heap = new Option<string?>("--heap")
        {
            Description = "system_cc_shared or system. Default: system_cc_shared; on platform none: system.",
        };
        heap.AcceptOnlyFromAmong(DemoOptions.SharedHeap, "system");
        var size = new Option<PictureLayout?>("--size")
        {
            Description = "WIDTHxHEIGHT of the drawn picture. Default: 1280x720.",
            CustomParser = result => ParseSize(result),
        };
        var noSync = new Option<bool>("--no-sync") { Description = "The application calls no DMA_BUF_IOCTL_SYNC." };
        var order = new Option<string>("--order")
        {
            Description = "Which importer attaches first: rdma-first or gpu-first.",
            DefaultValueFactory = _ => "rdma-first",
        };
        order.AcceptOnlyFromAmong("rdma-first", "gpu-first");
        var mediated = new Option<bool>("--mediated") { Description = "Mediated devices: each DMA access goes through the server." };
        var command = new Command("demo", Description) { input, output, platform, heap, size, noSync, order, mediated };
        command.SetAction((parsed, cancel) => RunAsync(
            globals,
            parsed,
            new DemoOptions(
                parsed.GetValue(input),
                parsed.GetValue(size) ?? new PictureLayout(1280, 720),
                parsed.GetValue(output)!,
                parsed.GetValue(platform)!,
                parsed.GetValue(heap) ?? DemoOptions.DefaultHeap(parsed.GetValue(platform)!),
                !parsed.GetValue(noSync),
                parsed.GetValue(order) == "gpu-first",
                parsed.GetValue(mediated)),
            cancel));
        return command;
    }

    /// <summary>The application; not for people.</summary>
    public static Command MakeApplication(CommandFactory factory)
    {
        Option<string> guest = factory.Globals.Guest;
        const string Purpose = "The demo's application; the demo starts it.";
        Command command = factory.Run("demo-application", Purpose, [guest], async (connection, parsed, _, cancel) =>
        {
            await using GuestProcess process = await GuestProcess.OpenAsync(connection, parsed.GetValue(guest)!, "application", cancel);
            var loop = new Importer.ControlLoop(new StreamReader(Console.OpenStandardInput()), Console.Out);
            await using var control = new ApplicationControl(process, loop);
            return await control.RunAsync(cancel);
        });
        command.Hidden = true;
        return command;
    }

    private static async Task<int> RunAsync(GlobalOptions globals, ParseResult parsed, DemoOptions options, CancellationToken cancel)
    {
        var output = new Output(parsed.GetValue(globals.Json));
        DirectoryInfo directory = Directory.CreateTempSubdirectory("coco-demo-");
        try
        {
            await using DemoServer server = await DemoServer.FindOrStartAsync(parsed.GetValue(globals.Server), directory.FullName, cancel);
            using var connection = CocoConnection.Connect(server.Target, parsed.GetValue(globals.Token));
            DemoReport report = await RunAsync(
                step => new DemoRun(options, server, connection, directory.FullName, step).RunAsync(cancel), output);
            if (output.IsJson)
                Output.Node(report.ToJson());
            else
                DemoView.Show(report);
            return report.AsPredicted && report.Outcome != DemoOutcome.NoSuchHeap ? 0 : 1;
        }
        catch (Exception e) when (e is CocoException or PictureException or IOException or ArgumentException or UnauthorizedAccessException)
        {
            return output.Error(e);
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    // JSON: silent. A terminal: each step as a line, the last one with a spinner. Anything else: a line a step.
    private static Task<DemoReport> RunAsync(Func<Action<string>, Task<DemoReport>> run, Output output)
    {
        if (output.IsJson)
            return run(_ => { });
        if (Console.IsOutputRedirected)
            return run(step => Console.Out.WriteLine("· " + step));
        string last = "";
        return Output.Screen.Status().StartAsync("starting", status => run(step =>
        {
            if (last.Length > 0)
                Output.Screen.MarkupLineInterpolated($"[green]✓[/] {last}");
            last = step;
            status.Status = Markup.Escape(step);
        }));
    }

    private static PictureLayout ParseSize(ArgumentResult result)
    {
        string text = result.Tokens.Count == 1 ? result.Tokens[0].Value : "";
        string[] sides = text.Split('x');
        if (sides.Length == 2
            && int.TryParse(sides[0], NumberStyles.None, CultureInfo.InvariantCulture, out int width)
            && int.TryParse(sides[1], NumberStyles.None, CultureInfo.InvariantCulture, out int height)
            && width is >= 1 and <= PictureLayout.MaxSide && height is >= 1 and <= PictureLayout.MaxSide
            && (long)width * height * PictureLayout.BytesPerPixel <= PictureLayout.MaxBytes / 2)
        {
            return new PictureLayout(width, height);
        }

        result.AddError($"'{text}' is no size such as 320x200, with sides from 1 to {PictureLayout.MaxSide}.");
        return default;
    }
}
