using System.Collections;
using CocoGuest.Service.Options;
using CocoGuest.Service.Starting;

namespace CocoGuest.Service.Telemetry;

/// <summary>
/// Puts telemetry into a server that was asked for it: by a collector's address, or by a port for Prometheus. Otherwise nothing is added,
/// and OpenTelemetry's libraries are not even loaded.
/// </summary>
internal static class TelemetryParts
{
    /// <summary>The name of the server's meter and of the service.</summary>
    internal const string Name = "CocoGuest";

    private const string StandardPrefix = "OTEL_";
    private const string ProtocolKey = "OTEL_EXPORTER_OTLP_PROTOCOL";

    /// <summary>Adds what the options and the standard variables ask for.</summary>
    /// <param name="builder">The server to be.</param>
    /// <param name="options">Our options, with the collector's address from wherever it came.</param>
    /// <param name="environment">Where the other standard <c>OTEL_</c> variables are.</param>
    /// <exception cref="StartupException">A variable could only fail later.</exception>
    internal static void AddTelemetry(this WebApplicationBuilder builder, ServerOptions options, IDictionary environment)
    {
        Dictionary<string, string?> standard = StandardVariables(environment);
        if (options.OtlpEndpoint is { } endpoint)
        {
            standard[OptionTable.StandardEndpoint] = endpoint.ToString();
            Check(standard);
        }

        if (options.OtlpEndpoint is not null || options.Metrics is not null)
        {
            OpenTelemetryParts.Add(builder, standard, options.OtlpEndpoint, options.Metrics is not null);
        }
    }

    private static Dictionary<string, string?> StandardVariables(IDictionary environment) => environment.Cast<DictionaryEntry>()
        .Where(variable => ((string)variable.Key).StartsWith(StandardPrefix, StringComparison.Ordinal))
        .ToDictionary(variable => (string)variable.Key, variable => (string?)variable.Value, StringComparer.Ordinal);

    private static void Check(Dictionary<string, string?> standard)
    {
        if (standard.GetValueOrDefault(ProtocolKey) is not (null or "" or "grpc" or "http/protobuf") and string protocol)
        {
            throw new StartupException($"{ProtocolKey}: '{protocol}' is neither grpc nor http/protobuf.");
        }
    }
}
