using Microsoft.Extensions.Logging.Console;

namespace CocoGuest.Service.Logging;

/// <summary>The log on stderr: each message with its time in UTC, as a line for people or as a JSON object.</summary>
internal static class StandardErrorLog
{
    private const string Time = "yyyy-MM-ddTHH:mm:ss.fffZ";

    /// <summary>Adds it.</summary>
    public static void Add(ILoggingBuilder logging, LogFormat format)
    {
        if (format == LogFormat.Json)
        {
            logging.AddJsonConsole(console => (console.TimestampFormat, console.UseUtcTimestamp) = (Time, true));
        }
        else
        {
            logging.AddSimpleConsole(
                console => (console.SingleLine, console.TimestampFormat, console.UseUtcTimestamp) = (true, Time + " ", true));
        }

        // Standard output is the banner's.
        logging.Services.Configure<ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
    }
}
