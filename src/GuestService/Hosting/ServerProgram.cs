using System.Collections;
using CocoGuest.Linux.Processes;
using CocoGuest.Service.Logging;
using CocoGuest.Service.Options;
using CocoGuest.Service.Starting;

namespace CocoGuest.Service.Hosting;

/// <summary>The program around the server: options in, text and exit code out.</summary>
internal static class ServerProgram
{
    private const int Failed = 1;

    // The runtime holds two fds for each assembly that it has loaded: 190 at rest.
    private const ulong FewestFiles = 256;

    /// <summary>Runs until a signal ends the server.</summary>
    /// <returns>0; or 1 after one clear sentence for each thing that is wrong.</returns>
    public static async Task<int> RunAsync(string[] arguments, IDictionary environment, TextWriter output, TextWriter errors)
    {
        OptionsReading reading = OptionsReader.Read(arguments, environment);
        if (reading.Request == OptionsRequest.Help)
        {
            await output.WriteAsync(OptionsText.Help());
            return 0;
        }

        if (reading.Request == OptionsRequest.Version)
        {
            await output.WriteLineAsync(typeof(ServerProgram).Assembly.GetName().Version!.ToString(3));
            return 0;
        }

        foreach (string error in reading.Errors)
        {
            await errors.WriteLineAsync("cocoguest: " + error);
        }

        if (reading.Errors.Count > 0)
        {
            return Failed;
        }

        if (reading.Request == OptionsRequest.PrintConfig)
        {
            await output.WriteAsync(OptionsText.Effective(reading));
            return 0;
        }

        if (TooFewFiles(FileLimit.Current) is { } sentence)
        {
            await errors.WriteLineAsync("cocoguest: " + sentence);
            return Failed;
        }

        return await ServeAsync(reading.Options, output, errors);
    }

    /// <summary>Why the server cannot run with so few open files; null where it can.</summary>
    internal static string? TooFewFiles(ulong allowed) => allowed >= FewestFiles
        ? null
        : $"Only {allowed} open files are allowed (ulimit -n), and the server needs {FewestFiles}.";

    private static async Task<int> ServeAsync(ServerOptions options, TextWriter output, TextWriter errors)
    {
        try
        {
            await using GuestServer server = await GuestServer.StartAsync(
                options, TimeProvider.System, logging => StandardErrorLog.Add(logging, options.LogFormat), MemoryLimit.Read());
            await output.WriteAsync(StartupBanner.Text(server));
            await output.FlushAsync();
            await server.WaitForStopSignalAsync();
            return 0;
        }
        catch (StartupException e) when (options.LogFormat == LogFormat.Json)
        {
            // Who reads JSON from there shall find nothing else.
            using ILoggerFactory loggers = LoggerFactory.Create(logging => StandardErrorLog.Add(logging, options.LogFormat));
            ILogger log = loggers.CreateLogger<GuestServer>();
            ServiceLog.NotStarted(log, e.Message);
            return Failed;
        }
        catch (StartupException e)
        {
            await errors.WriteLineAsync("cocoguest: " + e.Message);
            return Failed;
        }
    }
}
