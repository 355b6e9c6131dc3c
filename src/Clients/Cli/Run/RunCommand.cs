using System.CommandLine;
using CocoGuest.Client;
using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Diagnostics;
using CocoGuest.Supervisor;
using CocoGuest.Supervisor.Launch;
using CocoGuest.Supervisor.Reports;
using CocoGuest.V1;
using Grpc.Core;

namespace CocoGuest.Cli.Run;

/// <summary>
/// <c>coco run -- PROGRAM ARGS</c>: a program that opens <c>/dev/dma_heap</c> and its like, in an emulated guest, as it is.
/// </summary>
internal sealed class RunCommand
{
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
        Description = "Trace events to switch on, for example dma_buf:* (trace_pipe shows them). May be repeated.",
        DefaultValueFactory = _ => [],
    };

    private readonly Option<string?> _report = new("--json")
    {
        Description = "Also writes the report to FILE: JSON, or JUnit where FILE ends in .xml.",
    };

    private readonly Option<bool> _quiet = new("--quiet") { Description = "No report on stderr." };

    private readonly Option<uint> _user = new("--user")
    {
        Description = "User id of the program in the guest. Default: 0, since heap nodes are root's.",
    };

    private readonly Option<string[]> _matrix = new("--matrix")
    {
        Description = "Runs the program in guests of several kernels on several platforms: 6.12,seed-v1,7.2 x none,sev,snp. One table.",
        AllowMultipleArgumentsPerToken = true,
        DefaultValueFactory = _ => [],
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
            + "125 if it could not be started, or if it succeeded and an armed fault never fired.");
        run._shape.AddTo(command);
        Option[] options =
        [
            run._guest, run._strict, run._faults, run._trace, run._report, run._quiet, run._user, run._matrix, run._logs,
        ];
        foreach (Option option in options)
        {
            command.Options.Add(option);
        }

        command.Arguments.Add(run._program);
        command.SetAction(run.Run);
        return command;
    }

    private int Run(ParseResult parsed)
    {
        try
        {
            if (parsed.GetValue(_matrix) is { Length: > 0 } matrix)
            {
                (string[] kernels, string[] platforms) = Matrix.Parse(matrix);
                return Matrix.Run(kernels, platforms, [.. Others(parsed), "--", .. parsed.GetValue(_program)!], parsed.GetValue(_logs));
            }

            return parsed.GetValue(_guest) is { } name ? RunOnServer(parsed, name) : RunHere(parsed);
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
    }

    // The guest lives in this process, as long as the program.
    private int RunHere(ParseResult parsed)
    {
        using var host = new GuestRegistry(TimeProvider.System, new RandomSecrets());
        Result<Guest> guest = host.Create(_shape.Read(parsed));
        if ((guest.Failure ?? Arm(guest.Value, parsed)) is { } failure)
        {
            return Refuse(failure.Sentence);
        }

        using var supervision = new LocalSupervision(guest.Value, Say);
        return Run(parsed, supervision);
    }

    private int RunOnServer(ParseResult parsed, string guest)
    {
        if (_shape.IsGiven(parsed) || parsed.GetValue(_faults)!.Length != 0 || parsed.GetValue(_trace)!.Length != 0)
        {
            return Refuse("--guest names a guest that has its shape, faults and trace events already; "
                + "set them there (coco guest create, FaultService, TraceService).");
        }

        using CocoConnection connection = _globals.Connect(parsed);
        // A server that is not there, or a guest, is better found before the program is started.
        _ = connection.Host.GetGuest(new GetGuestRequest { Guest = guest });
        using var supervision = new ServerSupervision(connection, guest, Say);
        return Run(parsed, supervision);
    }

    private int Run(ParseResult parsed, ISupervision supervision)
    {
        var options = new RunOptions { Strict = parsed.GetValue(_strict), Uid = parsed.GetValue(_user), Gid = parsed.GetValue(_user) };
        RunOutcome outcome = ProgramRun.Run([Demo.ProgramLocator.Self], parsed.GetValue(_program)!, options, supervision);
        if (!parsed.GetValue(_quiet))
        {
            Console.Error.Write(outcome.Text);
        }

        if (parsed.GetValue(_report) is { } file && outcome.Json.Length != 0)
        {
            File.WriteAllText(file, file.EndsWith(".xml", StringComparison.Ordinal) ? outcome.JUnit : outcome.Json);
        }

        return outcome.ExitCode == 0 && outcome.UnfiredFaults != 0 ? RunOutcome.NoOutcome : outcome.ExitCode;
    }

    // What each cell of a matrix gets as it was given here.
    private IEnumerable<string> Others(ParseResult parsed) =>
    [
        .. _shape.Others(parsed), .. parsed.GetValue(_strict) ? [_strict.Name] : Array.Empty<string>(),
        .. parsed.GetValue(_faults)!.SelectMany(f => new[] { _faults.Name, f }), _user.Name, $"{parsed.GetValue(_user)}",
    ];

    private Failure? Arm(Guest guest, ParseResult parsed)
    {
        foreach (FaultSpec fault in parsed.GetValue(_faults)!.Select(FaultText.Parse))
        {
            Result<ulong> armed = guest.Faults.Inject(fault);
            if (!armed.Ok)
            {
                return armed.Failure;
            }
        }

        string[] events = parsed.GetValue(_trace)!;
        return events.Length == 0 ? null : guest.Trace.Set(events, on: true);
    }

    private static void Say(string sentence) => Console.Error.WriteLine($"coco run: {sentence}");

    private static int Refuse(string sentence)
    {
        Say(sentence);
        return RunOutcome.NoOutcome;
    }
}
