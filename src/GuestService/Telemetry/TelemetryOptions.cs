using OpenTelemetry.Exporter;

namespace CocoGuest.Service.Telemetry;

/// <summary>Where telemetry goes.</summary>
internal sealed class TelemetryOptions
{
    /// <summary>The configuration key, and environment variable, of the endpoint.</summary>
    internal const string EndpointKey = "OTEL_EXPORTER_OTLP_ENDPOINT";

    /// <summary>The configuration key, and environment variable, of the protocol, <c>grpc</c> or <c>http/protobuf</c>.</summary>
    internal const string ProtocolKey = "OTEL_EXPORTER_OTLP_PROTOCOL";

    private const string GrpcProtocol = "grpc";
    private const string HttpProtocol = "http/protobuf";

    /// <summary>The collector's address, such as <c>http://collector:4317</c>; empty for no telemetry.</summary>
    public string? Endpoint { get; set; }

    /// <summary>The protocol, one of the two words; empty for <c>grpc</c>.</summary>
    public string? Protocol { get; set; }

    /// <summary>Fills in from the standard keys what is not set.</summary>
    internal void Complete(IConfiguration configuration)
    {
        Endpoint = string.IsNullOrEmpty(Endpoint) ? configuration[EndpointKey] : Endpoint;
        Protocol = string.IsNullOrEmpty(Protocol) ? configuration[ProtocolKey] : Protocol;
    }

    /// <summary>What is wrong with the options, for a person; null if nothing is.</summary>
    internal string? Problem() => this switch
    {
        { Endpoint: null or "" } => null,
        _ when !Uri.TryCreate(Endpoint, UriKind.Absolute, out Uri? uri) || uri.Scheme is not ("http" or "https") =>
            $"the telemetry endpoint '{Endpoint}' is not an http or https address",
        { Protocol: null or "" or GrpcProtocol or HttpProtocol } => null,
        _ => $"the telemetry protocol '{Protocol}' is neither {GrpcProtocol} nor {HttpProtocol}",
    };

    /// <summary>Sets an exporter up for one signal.</summary>
    /// <param name="exporter">The exporter.</param>
    /// <param name="signal">The path of the signal below the endpoint, which only HTTP has: <c>v1/traces</c> or <c>v1/metrics</c>.</param>
    internal void Apply(OtlpExporterOptions exporter, string signal)
    {
        bool http = Protocol == HttpProtocol;
        exporter.Protocol = http ? OtlpExportProtocol.HttpProtobuf : OtlpExportProtocol.Grpc;
        exporter.Endpoint = http ? new Uri($"{Endpoint!.TrimEnd('/')}/{signal}") : new Uri(Endpoint!);
    }
}
