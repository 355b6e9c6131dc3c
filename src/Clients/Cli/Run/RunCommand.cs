using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using CocoGuest.Cli.Show;
using CocoGuest.Client;
using CocoGuest.Linux.Processes;
using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Diagnostics;
using CocoGuest.Supervisor;
using CocoGuest.Supervisor.Launch;
using CocoGuest.Supervisor.Reports;
using CocoGuest.V1;
using Grpc.Core;
using Spectre.Console;

namespace CocoGuest.Cli.Run;

/// <summary>
/// <c>coco run -- PROGRAM ARGS</c>: a program that opens <c>/dev/dma_heap</c> and its like, in an emulated guest, as it is.
/// </summary>
internal sealed class RunCommand
{
    /// <summary>Exit status of a program that succeeded in a run that did not: it left files open where that counts, or a fault never
    /// fired.</summary>
    public const int Failed = 99;

    private readonly GlobalOptions _globals;
    private readonly ShapeOptions _shape = new();

    private readonly Option<string?> _guest = new("--guest")
    {
        Description = "A guest of a running server instead of one that lives as long as the program. "
            + "Other processes can share buffers with it.",
    };

    private readonly Option<bool> _strict = new("--strict")
    {
        Description = "Also the kernel's answers where a host file would answer differently (docs/run.md lists them); "
            + "other calls get slower.",
    };

    private readonly Option<string[]> _faults = new("--fault")
    {
        Description = "A fault to arm, for example fail_decrypt:times=1. May be repeated. One that never fires makes the run fail.",
        DefaultValueFactory = _ => [],
    };

    private readonly Option<string[]> _trace = new("--trace")
    {
        Description = "Trace events to switch on, for example dma_buf:*. They go to stderr as they happen, or to --trace-output; "
            + "the program can read trace_pipe all the same. May be repeated.",
        DefaultValueFactory = _ => [],
    };

    private readonly Option<string?> _traceOutput = new("--trace-output")
    {
        Description = "Writes the events of --trace to FILE, not to stderr.",
    };

    private readonly Option<string[]> _reports = new("--json")
    {
        Description = "Also writes the report to FILE: JSON, or JUnit where FILE ends in .xml. May be repeated.",
        DefaultValueFactory = _ => [],
    };

    private readonly Option<bool> _failOnLeaks = new("--fail-on-leaks")
    {
        Description = "Exit status 99 where the program succeeded and did not close all that it opened in the guest.",
    };

    private readonly Option<bool> _quiet = new("--quiet") { Description = "No report on stderr, with --matrix no table." };

    private readonly Option<uint> _user = new("--user")
    {
        Description = "User id of the program in the guest. Default: 0, since heap nodes are root's.",
        CustomParser = result =>
        {
            if (!uint.TryParse(result.Tokens[0].Value, NumberStyles.None, CultureInfo.InvariantCulture, out uint id))
            {
                result.AddError($"--user: '{result.Tokens[0].Value}' is no user id; ids are numbers from 0 to {uint.MaxValue}.");
            }

            return id;
        },
    };

    private readonly Option<string?> _matrix = new(Matrix.Option)
    {
        Description = "Runs the program in guests of several kernels on several platforms: 6.12,seed-v1,7.2 x none,sev,snp; "
            + "all is each of them. One table.",
    };

    private readonly Option<string?> _logs = new("--logs") { Description = "With --matrix: a folder for the output of each run." };

    private readonly Argument<string[]> _program = new("program") { Description = "The program and its arguments, after --." };

    private RunCommand(GlobalOptions globals) => _globals = globals;

    public static Command Make(GlobalOptions globals)
    {
        var run = new RunCommand(globals);
        var command = new Command(
            "run",
            "Runs a program in a guest: it finds /dev/dma_heap, /dev/udmabuf and /dev/dri there. Exit status: the program's; "
            + "125 if it could not be run; 99 if it succeeded and an armed fault never fired, or see --fail-on-leaks.");
        run._shape.AddTo(command);
        Option[] options =
        [
            run._guest, run._strict, run._faults, run._trace, run._traceOutput, run._reports, run._failOnLeaks, run._quiet, run._user,
            run._matrix, run._logs,
        ];
        foreach (Option option in options)
        {
            command.Options.Add(option);
        }

        command.Arguments.Add(run._program);
        command.SetAction(run.Run);
        return command;
    }

    /// <summary>Says why a run is not begun.</summary>
    public static int Refuse(string sentence)
    {
        Say(sentence);
        return RunOutcome.NoOutcome;
    }

    private int Run(ParseResult parsed)
    {
        var files = new List<ReportFile>();
        try
        {
            if (Contradiction(parsed) is { } wrong)
            {
                return Refuse(wrong);
            }

            // What is wrong with these is better found before the program is started.
            _ = _shape.Read(parsed);
            FaultSpec[] faults = [.. parsed.GetValue(_faults)!.Select(FaultText.Parse)];
            foreach (string file in parsed.GetValue(_reports)!)
            {
                files.Add(ReportFile.Open(file));
            }

            using TraceOutput? trace = parsed.GetValue(_trace)!.Length != 0 && parsed.GetValue(_matrix) is null
                ? TraceOutput.Open(parsed.GetValue(_traceOutput))
                : null;
            return parsed.GetValue(_matrix) is { } matrix ? RunMatrix(parsed, matrix, files)
                : parsed.GetValue(_guest) is { } name ? RunOnServer(parsed, name, files)
                : RunHere(parsed, faults, trace, files);
        }
        catch (FormatException e)
        {
            return Refuse(e.Message);
        }
        catch (CocoException e)
        {
            return Refuse(e.Message);
        }
        catch (RpcException e)
        {
            return Refuse(e.Status.Detail);
        }
        finally
        {
            files.ForEach(f => f.Dispose());
        }
    }

    // Options of which one would do nothing beside the other, or without it.
    private string? Contradiction(ParseResult parsed)
    {
        bool matrix = parsed.GetValue(_matrix) is not null;
        bool guest = parsed.GetValue(_guest) is not null;
        bool changesGuest = _shape.IsGiven(parsed) || parsed.GetValue(_faults)!.Length != 0 || parsed.GetValue(_trace)!.Length != 0;
        return matrix && guest ? "--matrix makes guests of its own, and --guest names one that there is: give one of the two."
            : matrix && _shape.NamesPair(parsed) ? "--matrix says which kernels and platforms there are: leave out --kernel and --platform."
            : !matrix && parsed.GetValue(_logs) is not null
                ? "--logs is for --matrix; without it, what the program writes goes where it wrote it."
            : parsed.GetValue(_traceOutput) is not null && parsed.GetValue(_trace)!.Length == 0
                ? "--trace-output takes the events that --trace switches on: give --trace 'dma_buf:*', or another."
            : matrix && parsed.GetValue(_traceOutput) is not null
                ? "--trace-output is one file and --matrix has many runs: --logs keeps the events of each with its output."
            : !guest && (parsed.GetValue(_globals.Server) ?? parsed.GetValue(_globals.Token)) is not null
                ? "--server and --token are for --guest; without it, the guest is not a server's."
            : guest && changesGuest ? "--guest names a guest that has its shape, faults and trace events already; "
                + "set them there (coco guest create, FaultService, TraceService)."
            : null;
    }

    private int RunMatrix(ParseResult parsed, string text, IReadOnlyList<ReportFile> files)
    {
        (string[] kernels, string[] platforms) = Matrix.Parse(text);
        string[] program = parsed.GetValue(_program)!;
        string? logs = parsed.GetValue(_logs);
        MatrixCell[] cells = Matrix.Run(kernels, platforms, [.. Others(parsed), "--", .. program], logs);
        Write(files, () => RunReports.Json(cells), () => RunReports.JUnit(cells, program[0]));
        if (logs is not null && Matrix.WriteLogs(cells, logs) is { } wrong)
        {
            Say(wrong);
        }

        if (!parsed.GetValue(_quiet))
        {
            Try(() => AnsiConsole.Write(Matrix.ToTable(cells)));
        }

        return Matrix.ExitCode(cells);
    }

    // The guest lives in this process, as long as the program.
    private int RunHere(ParseResult parsed, FaultSpec[] faults, TraceOutput? trace, IReadOnlyList<ReportFile> files)
    {
        using var host = new GuestRegistry(TimeProvider.System, new RandomSecrets());
        Result<Guest> guest = host.Create(_shape.Read(parsed));
        if ((guest.Failure ?? Arm(guest.Value, faults, parsed.GetValue(_trace)!)) is { } failure)
        {
            return Refuse(failure.Sentence);
        }

        if (!parsed.GetValue(_quiet))
        {
            foreach (string sentence in ShapeWarnings.Of(guest.Value))
            {
                Say(sentence);
            }

            if (MemoryLimit.Read() is { } limit && guest.Value.Shape.MemoryBytes > limit.Bytes)
            {
                Say($"the guest has {Amounts.Bytes(guest.Value.Shape.MemoryBytes)} of RAM, and {limit.Whose} allows "
                    + $"{Amounts.Bytes(limit.Bytes)}: if the program fills more than that, the kernel kills it and coco "
                    + "(--memory makes the guest smaller)");
            }
        }

        trace?.Follow(guest.Value.Trace);
        using var supervision = new LocalSupervision(guest.Value, Say);
        return Run(parsed, supervision, trace, files);
    }

    private int RunOnServer(ParseResult parsed, string guest, IReadOnlyList<ReportFile> files)
    {
        using CocoConnection connection = _globals.Connect(parsed);
        // A server that is not there, or a guest, is better found before the program is started.
        _ = connection.Host.GetGuest(new GetGuestRequest { Guest = guest });
        using var supervision = new ServerSupervision(connection, guest, Say);
        return Run(parsed, supervision, trace: null, files);
    }

    private int Run(ParseResult parsed, ISupervision supervision, TraceOutput? trace, IReadOnlyList<ReportFile> files)
    {
        var options = new RunOptions
        {
            Strict = parsed.GetValue(_strict),
            TellsLeaks = !parsed.GetValue(_quiet) || files.Count != 0 || parsed.GetValue(_failOnLeaks),
            Uid = parsed.GetValue(_user),
            Gid = parsed.GetValue(_user),
        };
        RunOutcome outcome = ProgramRun.Run(parsed.GetValue(_program)!, options, supervision);
        if (trace?.Finish() is { Length: > 0 } wrong)
        {
            Say(wrong);
        }

        // Why there is no report is said in any case.
        if (!parsed.GetValue(_quiet) || outcome.Json.Length == 0)
        {
            Try(() => Console.Error.Write(outcome.Text));
            if (trace is { Written: 0 })
            {
                Say($"no event of {string.Join(", ", parsed.GetValue(_trace)!)} happened");
            }
        }

        if (outcome.Json.Length != 0)
        {
            Write(files, () => outcome.Json, () => outcome.JUnit);
        }

        if (outcome.ExitCode != 0 || outcome.Json.Length == 0)
        {
            return outcome.ExitCode;
        }

        bool leaked = parsed.GetValue(_failOnLeaks) && RunReports.Leaks(JsonNode.Parse(outcome.Json)!) != 0;
        return leaked || outcome.UnfiredFaults != 0 ? Failed : 0;
    }

    // The program ran, and its status counts, whether or not there is room for a report.
    private static void Write(IReadOnlyList<ReportFile> files, Func<string> json, Func<string> junit)
    {
        foreach (ReportFile file in files)
        {
            if (file.Write(file.IsJUnit ? junit() : json()) is { } wrong)
            {
                Say(wrong);
            }
        }
    }

    // What each cell of a matrix gets as it was given here.
    private IEnumerable<string> Others(ParseResult parsed) =>
    [
        .. _shape.Others(parsed), .. parsed.GetValue(_strict) ? [_strict.Name] : Array.Empty<string>(),
        .. parsed.GetValue(_failOnLeaks) ? [_failOnLeaks.Name] : Array.Empty<string>(),
        .. parsed.GetValue(_faults)!.SelectMany(f => new[] { _faults.Name, f }),
        .. parsed.GetValue(_trace)!.SelectMany(t => new[] { _trace.Name, t }), _user.Name, $"{parsed.GetValue(_user)}",
    ];

    private static Failure? Arm(Guest guest, FaultSpec[] faults, string[] events)
    {
        foreach (FaultSpec fault in faults)
        {
            Result<ulong> armed = guest.Faults.Inject(fault);
            if (!armed.Ok)
            {
                return armed.Failure;
            }
        }

        return events.Length == 0 ? null : guest.Trace.Set(events, on: true);
    }

    private static void Say(string sentence) => Try(() => Console.Error.WriteLine($"coco run: {sentence}"));

    // Output that nobody can take changes nothing of how the program ended.
    private static void Try(Action write)
    {
        try
        {
            write();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A stream that is closed says EBADF, which the runtime calls a lack of rights.
        }
    }
}
