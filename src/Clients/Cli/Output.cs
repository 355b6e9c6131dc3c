using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using CocoGuest.Cli.Show;
using CocoGuest.Client;
using CocoGuest.Importer;
using Google.Protobuf;
using Spectre.Console;

namespace CocoGuest.Cli;

/// <summary>Writes answers: for people as tables, for programs as the message's protobuf JSON on one line.</summary>
/// <param name="json">True: JSON.</param>
internal sealed class Output(bool json)
{
    private static readonly JsonFormatter Formatter = new(JsonFormatter.Settings.Default.WithFormatDefaultValues(true));
    private static readonly JsonSerializerOptions Relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public bool IsJson => json;

    // Who reads redirected output reads whole lines.
    private static int Width => Console.IsOutputRedirected ? int.MaxValue : Screen.Profile.Width;

    /// <summary>The console. Redirected output gets no control sequences, and lines wide enough for any table.</summary>
    public static IAnsiConsole Screen { get; } = MakeScreen();

    /// <summary>Writes an answer.</summary>
    public void Message(IMessage message)
    {
        if (json)
        {
            Console.Out.WriteLine(Formatter.Format(message));
            return;
        }

        foreach (string line in MessageText.Lines(message, Width))
            Console.Out.WriteLine(line);
    }

    /// <summary>Writes JSON that is no message of the API.</summary>
    public static void Node(JsonNode node) => Console.Out.WriteLine(node.ToJsonString(Relaxed));

    /// <summary>Writes a table of messages, one a row.</summary>
    public static void Table(IEnumerable<string> columns, IEnumerable<string[]> rows)
    {
        foreach (string line in TextTable.Lines([.. columns], [.. rows], Width))
            Console.Out.WriteLine(line);
    }

    /// <summary>Writes an error.</summary>
    /// <returns>The exit code: 3 when the server is gone, else 1.</returns>
    public int Error(Exception error)
    {
        if (json)
            Node(new JsonObject { ["error"] = ControlLoop.Describe(error) });
        else
            Console.Error.WriteLine(Sentence(error));
        return error is ServerGoneException ? ControlLoop.ServerGoneExitCode : 1;
    }

    /// <summary>An error in a line.</summary>
    public static string Sentence(Exception error)
    {
        if (error is not CocoException { ErrnoName.Length: > 0 } coco)
            return error.Message;
        string where = coco.Step.Length == 0 ? coco.Operation : $"{coco.Operation}, {coco.Step}";
        string field = coco.Field is null ? "" : $" (field {coco.Field})";
        return string.Create(CultureInfo.InvariantCulture, $"{coco.ErrnoName} ({coco.Errno}) in {where}: {coco.Message}{field}");
    }

    /// <summary>Sixteen bytes a line: address, hexadecimal, printable characters.</summary>
    public static IEnumerable<string> HexDump(ulong address, ReadOnlyMemory<byte> bytes)
    {
        for (int at = 0; at < bytes.Length; at += 16)
        {
            byte[] line = bytes.Slice(at, Math.Min(16, bytes.Length - at)).ToArray();
            string hex = string.Join(' ', line.Select(b => b.ToString("x2", CultureInfo.InvariantCulture)));
            string text = string.Concat(line.Select(b => b is >= 0x20 and < 0x7f ? (char)b : '.'));
            yield return string.Create(CultureInfo.InvariantCulture, $"{address + (ulong)at:x12}  {hex,-47}  {text}");
        }
    }

    private static IAnsiConsole MakeScreen()
    {
        if (!Console.IsOutputRedirected)
            return AnsiConsole.Console;
        IAnsiConsole screen = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = AnsiSupport.No,
            ColorSystem = ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.No,
        });
        screen.Profile.Width = 160;
        return screen;
    }
}
