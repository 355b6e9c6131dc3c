using System.Net;
using System.Net.Sockets;
using CocoGuest.Linux.Processes;
using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Service.Access;
using CocoGuest.Service.Broker;
using CocoGuest.Service.Budgets;
using CocoGuest.Service.Control;
using CocoGuest.Service.Health;
using CocoGuest.Service.Interop;
using CocoGuest.Service.Logging;
using CocoGuest.Service.Options;
using CocoGuest.Service.Processes;
using CocoGuest.Service.Reflection;
using CocoGuest.Service.Services;
using CocoGuest.Service.Starting;
using CocoGuest.Service.Streams;
using CocoGuest.Service.Telemetry;
using CocoGuest.Supervisor;
using Grpc.AspNetCore.Server.Model;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection.Extensions;
using HealthV1 = Grpc.Health.V1.Health;

namespace CocoGuest.Service.Hosting;

/// <summary>
/// The server: guests, listeners and fd broker, put together here and nowhere else.
/// </summary>
/// <remarks>
/// <para>Start: options are checked, the guest <c>default</c> is booted while the services are mapped, socket names are claimed, the broker
/// listens, then gRPC. So whoever reaches gRPC finds everything ready.</para>
/// <para>Stop: guests end first, which ends the streams and takes memory back; then gRPC drains, then the broker hangs up, and the socket
/// files go.</para>
/// </remarks>
internal sealed class GuestServer : IAsyncDisposable
{
    private const int MaxMessageBytes = 2 << 20;
    private static readonly TimeSpan DrainTime = TimeSpan.FromSeconds(2);

    private readonly ServerOptions _options;
    private readonly WebApplication _app;
    private readonly SocketName _socket;
    private readonly SocketName _brokerSocket;

    private GuestServer(ServerOptions options, WebApplication app, SocketName socket, SocketName brokerSocket)
    {
        _options = options;
        _app = app;
        _socket = socket;
        _brokerSocket = brokerSocket;
    }

    /// <summary>The parts of the server, by type.</summary>
    public IServiceProvider Parts => _app.Services;

    /// <summary>Path of the gRPC socket.</summary>
    public string SocketPath => _socket.Path;

    /// <summary>Path of the broker's socket.</summary>
    public string BrokerPath => _brokerSocket.Path;

    /// <summary>Address of the TCP listener with the port that it got, or null without one.</summary>
    public Uri? TcpAddress => _options.Tcp is null ? null : TcpListeners().First();

    /// <summary>Address of the listener for Prometheus with the port that it got, or null without one.</summary>
    public Uri? MetricsAddress => _options.Metrics is null ? null : TcpListeners().Last();

    /// <summary>Starts a server.</summary>
    /// <param name="options">Checked options.</param>
    /// <param name="time">Clock of grace times and tokens.</param>
    /// <param name="logging">Adds log providers.</param>
    /// <param name="limit">Memory that the server may use; null: no guest is too large.</param>
    /// <exception cref="StartupException">It cannot start; the sentence says why.</exception>
    public static async Task<GuestServer> StartAsync(
        ServerOptions options, TimeProvider time, Action<ILoggingBuilder> logging, MemoryLimit? limit = null)
    {
        string folder = options.RuntimeDirectory ?? RuntimeDirectory.DefaultPath();
        string socket = options.Socket ?? Path.Combine(folder, "cocoguest.sock");
        string brokerSocket = options.BrokerSocket ?? Path.Combine(folder, "broker.sock");
        if (options.Socket is null || options.BrokerSocket is null)
        {
            RuntimeDirectory.Prepare(folder);
        }

        SocketFile.Check(socket);
        SocketFile.Check(brokerSocket);
        var name = new SocketName(socket);
        var server = new GuestServer(options, Build(options, time, logging, name, limit), name, new SocketName(brokerSocket));
        try
        {
            await server.StartAsync();
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Waits for SIGTERM or SIGINT.</summary>
    public Task WaitForStopSignalAsync() => _app.WaitForShutdownAsync();

    /// <summary>Ends guests and streams, drains gRPC, hangs up on broker clients, removes the sockets.</summary>
    public async ValueTask DisposeAsync()
    {
        Parts.GetRequiredService<GuestRegistry>().Dispose();
        await _app.StopAsync();
        _socket.Remove();
        // A call that was still on its way may have made another guest.
        Parts.GetRequiredService<GuestRegistry>().Dispose();
        await Parts.GetRequiredService<FdBroker>().StopAsync();
        _brokerSocket.Remove();
        await _app.DisposeAsync();
    }

    private static WebApplication Build(
        ServerOptions options, TimeProvider time, Action<ILoggingBuilder> logging, SocketName socket, MemoryLimit? limit)
    {
        // The descriptors of all services are made for it, a third of the work of a start: it has the other core meanwhile.
        Task<AccessTable> rights = Task.Run(() => new AccessTable(RpcServices.Descriptors));
        // Nothing of the surroundings but our own option table decides how the server runs.
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => Listen(kestrel, options, socket.Path))
            .UseSockets(sockets => sockets.CreateBoundListenSocket = endpoint =>
                endpoint is UnixDomainSocketEndPoint ? socket.Bind() : SocketTransportOptions.CreateDefaultBoundListenSocket(endpoint));
        builder.Logging.SetMinimumLevel(options.LogLevel);
        // A failed start is our one sentence, not the host's stack trace.
        builder.Logging.AddFilter("Microsoft.Extensions.Hosting", LogLevel.None);
        logging(builder.Logging);
        builder.Services.AddQuietCancels();
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = DrainTime);
        builder.Services.AddGrpc(grpc =>
        {
            grpc.MaxReceiveMessageSize = MaxMessageBytes;
            grpc.MaxSendMessageSize = null;
        });
        builder.Services.Replace(ServiceDescriptor.Singleton(typeof(IServiceMethodProvider<>), typeof(CheckedMethods<>)));
        builder.Services.AddSingleton(parts => new GuestSizes(limit, parts.GetRequiredService<ILogger<GuestSizes>>()));
        AddParts(builder.Services, options, time, rights);
        builder.AddTelemetry(options, Environment.GetEnvironmentVariables());

        return builder.Build();
    }

    private void Map()
    {
        WebApplication app = _app;
        if (_options.Metrics is not null)
        {
            MetricsPort.Use(app);
        }

        app.Services.GetRequiredService<CallMetrics>().Use(app);
        app.Services.GetRequiredService<CallBudget>().Use(app);
        app.UseRouting();
        app.Services.GetRequiredService<AccessGate>().Use(app);
        app.MapRpcServices();
        app.MapGrpcHealthChecksService();
        app.MapGrpcReflectionService();
    }

    private static void AddParts(IServiceCollection parts, ServerOptions options, TimeProvider time, Task<AccessTable> rights)
    {
        parts.AddSingleton(options).AddSingleton(time);
        parts.AddSingleton(_ => rights.GetAwaiter().GetResult()).AddSingleton(BearerToken.Of(options.TokenFile)).AddSingleton<AccessGate>();
        AddGuests(parts, options, time);
        AddBroker(parts, time);
        parts.AddSingleton<ConnectionBudget>().AddSingleton<AnswerRoom>().AddSingleton<CallBudget>();
        parts.AddSingleton<CallMetrics>().AddSingleton<CallEntry>().AddSingleton<FdTokens>().AddSingleton<GuestInfoWriter>();
        parts.AddSingleton<ProcessOpenedWriter>().AddSingleton<GuestFollowers>();
        parts.AddRpcServices();
        parts.AddCocoHealth();
        parts.AddCocoReflection(() => [.. RpcServices.Descriptors, HealthV1.Descriptor]);
    }

    private static void AddGuests(IServiceCollection parts, ServerOptions options, TimeProvider time)
    {
        parts.AddSingleton<ISecretSource, RandomSecrets>().AddSingleton<IGuestObserver, MachineEvents>();
        parts.AddSingleton(p => new GuestRegistry(
            time, p.GetRequiredService<ISecretSource>(), p.GetRequiredService<IGuestObserver>(), options.MaxGuests));
        parts.AddSingleton<ProcessSessions>().AddSingleton<ShareTokenReaper>();
    }

    private static void AddBroker(IServiceCollection parts, TimeProvider time)
    {
        parts.AddSingleton<FdPoller>().AddSingleton<FdTokenTable>().AddSingleton<RevocationBoard>().AddSingleton<SharedMappings>();
        parts.AddSingleton<ControlServices>().AddSingleton<FdBroker>();
        parts.AddSingleton<BrokerServices>(p => new BrokerServices(
            p.GetRequiredService<FdTokenTable>(), p.GetRequiredService<RevocationBoard>(), p.GetRequiredService<SharedMappings>(),
            p.GetRequiredService<ControlServices>(), p.GetRequiredService<FdPoller>(), time, p.GetRequiredService<ILogger<FdBroker>>()));
    }

    private static void Listen(KestrelServerOptions kestrel, ServerOptions options, string socket)
    {
        kestrel.AddServerHeader = false;
        kestrel.RequestHeaderEncodingSelector = AuthorityEncoding.Select;
        // Connections have a budget of their own, which keeps room for the owner and says why.
        kestrel.Limits.MaxConcurrentConnections = null;
        CallBudget budget = kestrel.ApplicationServices.GetRequiredService<CallBudget>();
        // gRPC has a limit of its own for each message; a stream's body has no end.
        kestrel.Limits.MaxRequestBodySize = null;
        kestrel.Limits.Http2.MaxStreamsPerConnection = options.MaxStreams;
        // A peer whose machine vanished would otherwise keep its process alive for as long as TCP cares to wait.
        kestrel.Limits.Http2.KeepAlivePingDelay = TimeSpan.FromSeconds(30);
        kestrel.Limits.Http2.KeepAlivePingTimeout = TimeSpan.FromSeconds(10);
        ILogger log = kestrel.ApplicationServices.GetRequiredService<ILogger<GuestServer>>();
        kestrel.ListenUnixSocket(socket, listen =>
        {
            listen.Protocols = HttpProtocols.Http2;
            listen.UseUnixPeer(log);
            budget.Use(listen, overTcp: false);
        });
        if (options.Tcp is { } endpoint)
        {
            kestrel.Listen(endpoint, listen =>
            {
                listen.Protocols = HttpProtocols.Http2;
                budget.Use(listen, overTcp: true);
            });
        }

        if (options.Metrics is { } metrics)
        {
            kestrel.Listen(metrics, listen =>
            {
                MetricsPort.Listen(listen);
                budget.Use(listen, overTcp: true);
            });
        }
    }

    private async Task StartAsync()
    {
        ILogger log = Parts.GetRequiredService<ILogger<GuestServer>>();
        var boot = Task.Run(() => BootDefaultGuest(log));
        Map();
        await boot;
        using (SocketFile.Claim(_socket.Path, _brokerSocket.Path))
        {
            Parts.GetRequiredService<FdBroker>().Start(_brokerSocket);
            HealthParts.ServeUntilStop(Parts, RpcServices.Descriptors.Select(service => service.FullName));
            await ListenAsync();
        }

        if (_options.Tcp is { } endpoint && !IPAddress.IsLoopback(endpoint.Address))
        {
            ServiceLog.OpenToNetwork(log, endpoint);
        }

        IHostApplicationLifetime lifetime = Parts.GetRequiredService<IHostApplicationLifetime>();
        lifetime.ApplicationStopping.Register(() =>
        {
            ServiceLog.Stopping(log);
            Parts.GetRequiredService<GuestRegistry>().Dispose();
        });
        int guests = Parts.GetRequiredService<GuestRegistry>().List().Count;
        ServiceLog.Serving(log, guests);
    }

    private void BootDefaultGuest(ILogger log)
    {
        if (!_options.DefaultGuest)
        {
            return;
        }

        Result<Guest> guest = Parts.GetRequiredService<GuestRegistry>().Create(_options.DefaultShape);
        if (!guest.Ok)
        {
            throw new StartupException($"The guest 'default' cannot be made: {guest.Failure.Sentence}");
        }

        // Who makes another guest reads them in the answer.
        foreach (string sentence in ShapeWarnings.Of(guest.Value))
        {
            ServiceLog.ShapeDoubtful(log, guest.Value.Shape.Name, sentence);
        }
    }

    private async Task ListenAsync()
    {
        try
        {
            await _app.StartAsync();
        }
        catch (IOException e) when (e.InnerException is AddressInUseException)
        {
            throw new StartupException(BusyAddress(e.Message), e);
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            throw new StartupException($"gRPC cannot listen: {e.Message}", e);
        }
    }

    private string BusyAddress(string message) =>
        _options.Metrics is { } metrics && message.Contains($"//{metrics}:", StringComparison.Ordinal)
            ? $"{metrics} is in use by another program; choose another address with --metrics, or --no-metrics."
            : $"{_options.Tcp} is in use by another program; choose another address with --tcp, or --no-tcp.";

    // In the order in which Listen names them.
    private IEnumerable<Uri> TcpListeners() => _app.Urls
        .Where(u => u.StartsWith("http://", StringComparison.Ordinal) && !u.StartsWith("http://unix:", StringComparison.Ordinal))
        .Select(u => new Uri(u));
}
