using System.CommandLine;
using CocoGuest.Cli;
using CocoGuest.Cli.Commands;
using CocoGuest.Cli.Demo;
using CocoGuest.Cli.Run;
using CocoGuest.Supervisor;

if (args is [ProgramRun.LaunchWord, .. var launch])
    return ProgramRun.Launch(launch);

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
return await root.Parse(args).InvokeAsync();
