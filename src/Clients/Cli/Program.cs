using System.CommandLine;
using System.CommandLine.Help;
using CocoGuest.Cli;
using CocoGuest.Cli.Commands;
using CocoGuest.Cli.Demo;
using CocoGuest.Cli.Run;
using CocoGuest.Supervisor;

// Before there is anything else in this process. A word `run` that is another command's makes them in vain.
if (ProgramRun.Prepare(runs: args.Contains("run")) is { } refusal)
    return RunCommand.Refuse(refusal);

var globals = new GlobalOptions();
var factory = new CommandFactory(globals);
var root = new RootCommand(
    "CocoGuest: guests, buffers and devices by hand, and a demo of the whole path. "
    + "Exit codes: 0; 1 (refused; the errno is named); 3 (no server).");
globals.AddTo(root);
root.Subcommands.Add(GuestCommands.Make(factory));
foreach (Command? command in BufferCommands.Make(factory).Concat(MemoryCommands.Make(factory)))
    root.Subcommands.Add(command);
root.Subcommands.Add(HealthCommand.Make(factory));
root.Subcommands.Add(RunCommand.Make(globals));
root.Subcommands.Add(DemoCommand.Make(globals));
root.Subcommands.Add(DemoCommand.MakeApplication(factory));
if (RunLine.Read(root, args) is not var (words, error))
    return await root.Parse(args).InvokeAsync();

// `coco run` takes its options by its own rules, and says in a line what is wrong with them.
ParseResult parsed = root.Parse(words);
error ??= parsed is { Action: not HelpAction, Errors: [var first, ..] } ? first.Message : null;
return error is null ? await parsed.InvokeAsync() : RunCommand.Refuse(error);
