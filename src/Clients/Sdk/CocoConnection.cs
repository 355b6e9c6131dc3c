using System.Net.Sockets;
using CocoGuest.Client.Internal;
using CocoGuest.V1;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Grpc.Net.Client;

namespace CocoGuest.Client;

/// <summary>
/// A connection to a CocoGuest server. The generated clients it holds throw <see cref="CocoException"/> with the errno, and
/// <see cref="ServerGoneException"/> when no server answers. Safe for use by several threads.
/// </summary>
public sealed class CocoConnection : IDisposable
{
    private readonly GrpcChannel _channel;

    private CocoConnection(GrpcChannel channel, string endpoint, string? bearerToken)
    {
        _channel = channel;
        Endpoint = endpoint;
        CallInvoker invoker = channel.Intercept(new ErrorInterceptor(endpoint, bearerToken));
        Guest = new GuestService.GuestServiceClient(invoker);
        Device = new DeviceService.DeviceServiceClient(invoker);
        Host = new HostService.HostServiceClient(invoker);
        Hypervisor = new HypervisorService.HypervisorServiceClient(invoker);
        Conversion = new ConversionService.ConversionServiceClient(invoker);
        Trace = new TraceService.TraceServiceClient(invoker);
        Fault = new FaultService.FaultServiceClient(invoker);
        File = new FileService.FileServiceClient(invoker);
        Run = new RunService.RunServiceClient(invoker);
        Memory = new MemoryService.MemoryServiceClient(invoker);
        Dma = new DmaService.DmaServiceClient(invoker);
        Fence = new FenceService.FenceServiceClient(invoker);
        Movable = new MovableService.MovableServiceClient(invoker);
        Rdma = new RdmaService.RdmaServiceClient(invoker);
        Hypercall = new HypercallService.HypercallServiceClient(invoker);
        Health = new global::Grpc.Health.V1.Health.HealthClient(invoker);
    }

    /// <summary>Where the server is: <c>unix:PATH</c> or an http address.</summary>
    public string Endpoint { get; }

    /// <summary>What guest user space and importers do.</summary>
    public GuestService.GuestServiceClient Guest { get; }

    /// <summary>What simulated devices do.</summary>
    public DeviceService.DeviceServiceClient Device { get; }

    /// <summary>Life of guests.</summary>
    public HostService.HostServiceClient Host { get; }

    /// <summary>The untrusted view.</summary>
    public HypervisorService.HypervisorServiceClient Hypervisor { get; }

    /// <summary>Conversions of pages.</summary>
    public ConversionService.ConversionServiceClient Conversion { get; }

    /// <summary>Trace events.</summary>
    public TraceService.TraceServiceClient Trace { get; }

    /// <summary>Fault injection.</summary>
    public FaultService.FaultServiceClient Fault { get; }

    /// <summary>Raw open and ioctl.</summary>
    public FileService.FileServiceClient File { get; }

    /// <summary>Supervision of programs.</summary>
    public RunService.RunServiceClient Run { get; }

    /// <summary>A process' own memory: anonymous mappings, pins, fork.</summary>
    public MemoryService.MemoryServiceClient Memory { get; }

    /// <summary>The DMA API, as drivers call it.</summary>
    public DmaService.DmaServiceClient Dma { get; }

    /// <summary>Timelines, sync files and poll.</summary>
    public FenceService.FenceServiceClient Fence { get; }

    /// <summary>Buffers that move.</summary>
    public MovableService.MovableServiceClient Movable { get; }

    /// <summary>RDMA registration.</summary>
    public RdmaService.RdmaServiceClient Rdma { get; }

    /// <summary>Raw page-state calls of a guest's kernel.</summary>
    public HypercallService.HypercallServiceClient Hypercall { get; }

    /// <summary>grpc.health.v1 of the server.</summary>
    public global::Grpc.Health.V1.Health.HealthClient Health { get; }

    /// <summary>
    /// The socket used when none is named: <c>COCOGUEST_SOCKET</c>, else <c>cocoguest.sock</c> in the runtime directory
    /// (<c>$XDG_RUNTIME_DIR/cocoguest</c>, or <c>/tmp/cocoguest-UID</c>).
    /// </summary>
    public static string DefaultSocketPath =>
        Environment.GetEnvironmentVariable("COCOGUEST_SOCKET") is { Length: > 0 } path
            ? path
            : Path.Combine(RuntimeDirectory.Default, "cocoguest.sock");

    /// <summary>Makes a connection. Nothing is sent before the first call; that call fails if no server is there.</summary>
    /// <param name="target">
    /// <c>unix:PATH</c>, a path, or <c>http://HOST:PORT</c>; null: the socket of <see cref="DefaultSocketPath"/>.
    /// </param>
    /// <param name="bearerToken">The token that the server printed at start, for privileged calls over TCP; else null.</param>
    /// <exception cref="ArgumentException">The target is neither a path nor an http address.</exception>
    public static CocoConnection Connect(string? target = null, string? bearerToken = null)
    {
        target ??= DefaultSocketPath;
        if (target.StartsWith("http://", StringComparison.OrdinalIgnoreCase))
            return new CocoConnection(GrpcChannel.ForAddress(target, Options(NewHandler())), target, bearerToken);
        string path = target.StartsWith("unix:", StringComparison.Ordinal) ? target["unix:".Length..] : target;
        if (!path.Contains('/', StringComparison.Ordinal))
            throw new ArgumentException($"'{target}' is neither unix:PATH, a path with a slash, nor http://HOST:PORT.", nameof(target));
        SocketsHttpHandler handler = NewHandler();
        handler.ConnectCallback = async (_, cancel) =>
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            try
            {
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancel);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        };
        return new CocoConnection(GrpcChannel.ForAddress("http://localhost", Options(handler)), $"unix:{path}", bearerToken);
    }

    /// <inheritdoc/>
    public void Dispose() => _channel.Dispose();

    private static SocketsHttpHandler NewHandler() => new() { UseProxy = false, EnableMultipleHttp2Connections = true };

    private static GrpcChannelOptions Options(SocketsHttpHandler handler) => new()
    {
        HttpHandler = handler,
        DisposeHttpClient = true,
        // A failed connection is tried anew by the next call at once: a client that starts beside its server must not wait.
        InitialReconnectBackoff = TimeSpan.FromMilliseconds(50),
        MaxReconnectBackoff = TimeSpan.FromMilliseconds(200),
    };
}
