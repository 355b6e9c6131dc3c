using System.CommandLine;
using System.Runtime.InteropServices;
using CocoGuest.Client;

namespace CocoGuest.Importer;

/// <summary>The frame of an importer program: parse, connect, open a process, serve, exit cleanly.</summary>
public static class ImporterProgram
{
    /// <summary>Runs a program.</summary>
    /// <param name="args">The command line.</param>
    /// <param name="description">What <c>--help</c> says.</param>
    /// <param name="options">The shared options.</param>
    /// <param name="configure">Adds options of its own.</param>
    /// <param name="serve">Registers operations, says ready, and runs the loop; gives the exit code.</param>
    /// <returns>0; 1 when it failed; 3 when the server is gone.</returns>
    public static async Task<int> RunAsync(
        string[] args,
        string description,
        ImporterOptions options,
        Action<Command> configure,
        Func<ParseResult, GuestProcess, ControlLoop, CancellationToken, Task<int>> serve)
    {
        var root = new RootCommand(description);
        options.AddTo(root);
        configure(root);
        root.SetAction(async (parsed, cancel) =>
        {
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal =>
            {
                signal.Cancel = true;
                stop.Cancel();
            });
            try
            {
                using CocoConnection connection = options.Connect(parsed);
                await using GuestProcess process = await options.OpenProcessAsync(parsed, connection, stop.Token);
                var loop = new ControlLoop(new StreamReader(Console.OpenStandardInput()), Console.Out);
                return await serve(parsed, process, loop, stop.Token);
            }
            catch (OperationCanceledException)
            {
                return 0;
            }
            catch (ServerGoneException e)
            {
                await Console.Error.WriteLineAsync(e.Message);
                return ControlLoop.ServerGoneExitCode;
            }
            catch (Exception e) when (e is CocoException or ArgumentException or FormatException or IOException)
            {
                await Console.Error.WriteLineAsync(e.Message);
                return 1;
            }
        });
        return await root.Parse(args).InvokeAsync();
    }
}
