using System.Net;
using CocoGuest.Machine.Profiles;
using CocoGuest.Service.Logging;

namespace CocoGuest.Service.Options;

/// <summary>Every setting of the server, checked. <see cref="OptionTable"/> says what each is called and does.</summary>
internal sealed record ServerOptions
{
    /// <summary>Where gRPC listens over TCP; null: no TCP listener.</summary>
    public IPEndPoint? Tcp { get; set; } = new(IPAddress.Loopback, 7070);

    /// <summary>Folder of the sockets; null: <see cref="Starting.RuntimeDirectory.DefaultPath"/>.</summary>
    public string? RuntimeDirectory { get; set; }

    /// <summary>Path of the gRPC socket; null: <c>cocoguest.sock</c> in the runtime directory.</summary>
    public string? Socket { get; set; }

    /// <summary>Path of the fd broker's socket; null: <c>broker.sock</c> in the runtime directory.</summary>
    public string? BrokerSocket { get; set; }

    /// <summary>File of the token for TCP; null: a new token at each start, shown in the banner.</summary>
    public string? TokenFile { get; set; }

    /// <summary>How long a process outlives its broken stream.</summary>
    public TimeSpan GraceTime { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Life of an fd token.</summary>
    public TimeSpan FdTokenTtl { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>OTLP collector for traces, metrics and logs; null: none.</summary>
    public Uri? OtlpEndpoint { get; set; }

    /// <summary>Where Prometheus fetches <c>/metrics</c>; null: nowhere.</summary>
    public IPEndPoint? Metrics { get; set; }

    /// <summary>Whether a guest <c>default</c> is there from the start.</summary>
    public bool DefaultGuest { get; set; } = true;

    /// <summary>Shape of the guest <c>default</c>.</summary>
    public GuestShape DefaultShape { get; set; } = new();

    /// <summary>Most guests at a time.</summary>
    public int MaxGuests { get; set; } = 64;

    /// <summary>Most gRPC connections at a time, both listeners together.</summary>
    public int MaxConnections { get; set; } = FdPlan.Here.Connections;

    /// <summary>Most calls and streams at a time on one gRPC connection.</summary>
    public int MaxStreams { get; set; } = 1024;

    /// <summary>Most connections of the fd broker at a time.</summary>
    public int MaxBrokerConnections { get; set; } = FdPlan.Here.BrokerConnections;

    /// <summary>Most unredeemed fd tokens of one process; one more drops its oldest.</summary>
    public int MaxFdTokens { get; set; } = 1024;

    /// <summary>The least severe log message that is written, to stderr.</summary>
    public LogLevel LogLevel { get; set; } = LogLevel.Warning;

    /// <summary>How log messages are written.</summary>
    public LogFormat LogFormat { get; set; } = LogFormat.Text;
}
