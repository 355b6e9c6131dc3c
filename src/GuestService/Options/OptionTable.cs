using System.Collections.Frozen;
using System.Globalization;
using System.Net;
using CocoGuest.Machine;
using CocoGuest.Machine.Profiles;
using CocoGuest.Service.Logging;

namespace CocoGuest.Service.Options;

/// <summary>
/// All options of the server: file, environment, flags and help are this one table. To add one: a property of <see cref="ServerOptions"/>
/// and a row here.
/// </summary>
internal static class OptionTable
{
    /// <summary>What environment variables of the server begin with.</summary>
    public const string EnvironmentPrefix = "COCOGUEST_";

    /// <summary>Key of the collector's address.</summary>
    public const string OtlpKey = "otlp-endpoint";

    /// <summary>OpenTelemetry's own variable for the same.</summary>
    public const string StandardEndpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";

    private const string Off = "off";

    /// <summary>The rows, in the order of the help text.</summary>
    public static IReadOnlyList<OptionSpec> Rows { get; } =
    [
        new("tcp", "HOST:PORT|off", "where gRPC listens over TCP (h2c)",
            Address("127.0.0.1:7070", (o, v) => o.Tcp = v), o => o.Tcp?.ToString() ?? Off),
        new("socket", "PATH", "gRPC over a Unix socket, mode 0600", Path((o, v) => o.Socket = v), o => o.Socket ?? "in runtime-dir"),
        new("broker-socket", "PATH", "the fd broker's Unix socket, mode 0600",
            Path((o, v) => o.BrokerSocket = v), o => o.BrokerSocket ?? "in runtime-dir"),
        new("runtime-dir", "PATH", "folder of both sockets, mode 0700",
            Path((o, v) => o.RuntimeDirectory = v), o => o.RuntimeDirectory ?? Starting.RuntimeDirectory.DefaultPath()),
        new("token-file", "PATH", "the token for TCP: read from here, or made here with mode 0600, and shown nowhere",
            Path((o, v) => o.TokenFile = v), o => o.TokenFile ?? ""),
        new("grace-time", "TIME", "how long a process outlives its broken stream",
            Time(TimeSpan.Zero, (o, v) => o.GraceTime = v), o => DurationText.Format(o.GraceTime)),
        new("fd-token-ttl", "TIME", "life of an fd token",
            Time(TimeSpan.FromMilliseconds(1), (o, v) => o.FdTokenTtl = v), o => DurationText.Format(o.FdTokenTtl)),
        new(OtlpKey, "URL|off", "OTLP collector for traces, metrics and logs", SetOtlp, o => o.OtlpEndpoint?.ToString() ?? Off),
        new("metrics", "HOST:PORT|off", "where Prometheus fetches /metrics, over plain HTTP",
            Address("127.0.0.1:9464", (o, v) => o.Metrics = v), o => o.Metrics?.ToString() ?? Off),
        new("default-guest", "", "have a guest 'default' from the start", Switch((o, v) => o.DefaultGuest = v), o => OnOff(o.DefaultGuest)),
        new("default-platform", "WORD", $"its platform: {ShapeWords.Platforms}", SetPlatform,
            o => ShapeWords.NameOf(o.DefaultShape.Platform)),
        new("default-kernel", "WORD", $"its kernel: {ShapeWords.Kernels}", SetKernel, o => ShapeWords.NameOf(o.DefaultShape.Kernel)),
        new("default-memory", "SIZE", "its RAM, for example 4G", SetMemory,
            o => (o.DefaultShape.MemoryBytes == 0 ? GuestShapeRules.DefaultMemoryBytes : o.DefaultShape.MemoryBytes)
                .ToString(CultureInfo.InvariantCulture)),
        new("default-swiotlb", "WORDS", "its kernel's swiotlb= parameter: slots of 2 KiB, areas, force or noforce",
            (o, v) => Shape(o, o.DefaultShape with { Swiotlb = v }), o => o.DefaultShape.Swiotlb),
        new("default-seed", "NUMBER", "its seed: keys and all that is random in hardware", SetSeed,
            o => o.DefaultShape.Seed.ToString(CultureInfo.InvariantCulture)),
        new("max-guests", "NUMBER", "most guests at a time", Number((o, v) => o.MaxGuests = v), o => Text(o.MaxGuests)),
        new("max-connections", "NUMBER", "most gRPC connections at a time; by itself, what ulimit -n allows",
            Number((o, v) => o.MaxConnections = v), o => Text(o.MaxConnections)),
        new("max-streams", "NUMBER", "most calls at a time on one connection", Number((o, v) => o.MaxStreams = v), o => Text(o.MaxStreams)),
        new("max-broker-connections", "NUMBER", "most fd broker connections at a time; likewise",
            Number((o, v) => o.MaxBrokerConnections = v), o => Text(o.MaxBrokerConnections)),
        new("max-fd-tokens", "NUMBER", "most unredeemed fd tokens of a process",
            Number((o, v) => o.MaxFdTokens = v), o => Text(o.MaxFdTokens)),
        new("log-level", "WORD", "least severe message written: trace, debug, information, warning, error, none", SetLogLevel,
            o => o.LogLevel.ToString().ToLowerInvariant()),
        new("log-format", "text|json", "how messages are written to stderr: lines for people, or a JSON object a line", SetLogFormat,
            o => o.LogFormat.ToString().ToLowerInvariant()),
    ];

    /// <summary>Rows by key.</summary>
    public static FrozenDictionary<string, OptionSpec> ByKey { get; } = Rows.ToFrozenDictionary(r => r.Key, StringComparer.Ordinal);

    private static string OnOff(bool on) => on ? "on" : Off;

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static Func<ServerOptions, string, string?> Switch(Action<ServerOptions, bool> set) => (options, text) =>
    {
        bool? on = text switch { "on" or "true" or "1" or "yes" => true, Off or "false" or "0" or "no" => false, _ => null };
        if (on is null)
        {
            return "is neither on nor off";
        }

        set(options, on.Value);
        return null;
    };

    private static Func<ServerOptions, string, string?> Path(Action<ServerOptions, string> set) => (options, text) =>
    {
        if (text.Length == 0)
        {
            return "is empty";
        }

        set(options, System.IO.Path.GetFullPath(text));
        return null;
    };

    private static Func<ServerOptions, string, string?> Time(TimeSpan least, Action<ServerOptions, TimeSpan> set) => (options, text) =>
    {
        if (!DurationText.TryParse(text, out TimeSpan time) || time < least || time > TimeSpan.FromDays(1))
        {
            return $"is not a time such as 500ms, 5s or 2m, from {DurationText.Format(least)} to 24h";
        }

        set(options, time);
        return null;
    };

    private static Func<ServerOptions, string, string?> Number(Action<ServerOptions, int> set) => (options, text) =>
    {
        if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) || number is < 1 or > 1 << 20)
        {
            return $"is not a number from 1 to {1 << 20}";
        }

        set(options, number);
        return null;
    };

    private static Func<ServerOptions, string, string?> Address(
        string example, Action<ServerOptions, IPEndPoint?> set) => (options, text) =>
    {
        string literal = text.StartsWith("localhost:", StringComparison.Ordinal) ? "127.0.0.1" + text["localhost".Length..] : text;
        IPEndPoint? endpoint = null;
        if (text != Off && (!literal.Contains(':', StringComparison.Ordinal) || !IPEndPoint.TryParse(literal, out endpoint)))
        {
            return $"is not ADDRESS:PORT with a literal address, for example {example}, and not off";
        }

        set(options, endpoint);
        return null;
    };

    private static string? SetOtlp(ServerOptions options, string text)
    {
        if (text == Off)
        {
            options.OtlpEndpoint = null;
            return null;
        }

        if (!Uri.TryCreate(text, UriKind.Absolute, out Uri? uri) || uri.Scheme is not ("http" or "https"))
        {
            return "is not an http or https URL, and not off";
        }

        options.OtlpEndpoint = uri;
        return null;
    }

    private static string? SetPlatform(ServerOptions options, string text) =>
        ShapeWords.TryParsePlatform(text, out Machine.Profiles.Platform platform)
            ? Shape(options, options.DefaultShape with { Platform = platform })
            : $"is not one of {ShapeWords.Platforms}";

    private static string? SetKernel(ServerOptions options, string text) =>
        ShapeWords.TryParseKernel(text, out Machine.Profiles.KernelVersion kernel)
            ? Shape(options, options.DefaultShape with { Kernel = kernel })
            : $"is not one of {ShapeWords.Kernels}";

    private static string? SetMemory(ServerOptions options, string text) =>
        GuestShapeRules.TryParseSize(text, out ulong bytes)
            ? Shape(options, options.DefaultShape with { MemoryBytes = bytes })
            : "is not a size such as 4G";

    private static string? SetSeed(ServerOptions options, string text) =>
        ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong seed)
            ? Shape(options, options.DefaultShape with { Seed = seed })
            : "is not a number";

    private static string? SetLogLevel(ServerOptions options, string text)
    {
        if (text.Any(char.IsAsciiDigit) || !Enum.TryParse(text, ignoreCase: true, out LogLevel level))
        {
            return "is not one of trace, debug, information, warning, error, critical, none";
        }

        options.LogLevel = level;
        return null;
    }

    private static string? SetLogFormat(ServerOptions options, string text)
    {
        if (text is not ("text" or "json"))
        {
            return "is neither text nor json";
        }

        options.LogFormat = text == "json" ? LogFormat.Json : LogFormat.Text;
        return null;
    }

    private static string? Shape(ServerOptions options, GuestShape shape)
    {
        options.DefaultShape = shape;
        return null;
    }
}
