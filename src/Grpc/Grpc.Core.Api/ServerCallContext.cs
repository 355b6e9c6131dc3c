namespace Grpc.Core;

/// <summary>A call, as its handler sees it. The server derives from it and gives the values by the <c>Core</c> members.</summary>
public abstract class ServerCallContext
{
    private Dictionary<object, object>? _userState;

    /// <summary>The method's path: <c>/service/method</c>.</summary>
    public string Method => MethodCore;

    /// <summary>The authority that the client asked for.</summary>
    public string Host => HostCore;

    /// <summary>The address of the client, as <c>ipv4:address:port</c>; the server may not know one.</summary>
    public string Peer => PeerCore;

    /// <summary>When the client gives up, in UTC; <see cref="DateTime.MaxValue"/> if it never does.</summary>
    public DateTime Deadline => DeadlineCore;

    /// <summary>The request headers.</summary>
    public Metadata RequestHeaders => RequestHeadersCore;

    /// <summary>Cancelled when the client cancels, its deadline passes or the connection breaks.</summary>
    public CancellationToken CancellationToken => CancellationTokenCore;

    /// <summary>The trailers, sent with the status when the handler is done.</summary>
    public Metadata ResponseTrailers => ResponseTrailersCore;

    /// <summary>The status to send when the handler returns without an exception.</summary>
    public Status Status
    {
        get => StatusCore;
        set => StatusCore = value;
    }

    /// <summary>Options of the writes; null for the defaults.</summary>
    public WriteOptions? WriteOptions
    {
        get => WriteOptionsCore;
        set => WriteOptionsCore = value;
    }

    /// <summary>What is known about the client.</summary>
    public AuthContext AuthContext => AuthContextCore;

    /// <summary>Values that interceptors and the handler leave for each other.</summary>
    public IDictionary<object, object> UserState => UserStateCore;

    /// <summary>Gives the method's path.</summary>
    protected abstract string MethodCore { get; }

    /// <summary>Gives the authority.</summary>
    protected abstract string HostCore { get; }

    /// <summary>Gives the client's address.</summary>
    protected abstract string PeerCore { get; }

    /// <summary>Gives the deadline.</summary>
    protected abstract DateTime DeadlineCore { get; }

    /// <summary>Gives the request headers.</summary>
    protected abstract Metadata RequestHeadersCore { get; }

    /// <summary>Gives the token that is cancelled with the call.</summary>
    protected abstract CancellationToken CancellationTokenCore { get; }

    /// <summary>Gives the trailers.</summary>
    protected abstract Metadata ResponseTrailersCore { get; }

    /// <summary>Gives and takes the status.</summary>
    protected abstract Status StatusCore { get; set; }

    /// <summary>Gives and takes the options of the writes.</summary>
    protected abstract WriteOptions? WriteOptionsCore { get; set; }

    /// <summary>Gives what is known about the client.</summary>
    protected abstract AuthContext AuthContextCore { get; }

    /// <summary>Gives the values of <see cref="UserState"/>; kept here unless the server has a place for them.</summary>
    protected virtual IDictionary<object, object> UserStateCore => _userState ??= [];

    /// <summary>Sends the response headers now, instead of with the first response. Once per call.</summary>
    /// <param name="responseHeaders">The headers.</param>
    /// <returns>Done when the transport took the headers.</returns>
    public Task WriteResponseHeadersAsync(Metadata responseHeaders) => WriteResponseHeadersAsyncCore(responseHeaders);

    /// <summary>Makes a token with which a further call inherits from this one.</summary>
    /// <param name="options">What is inherited; null for the defaults.</param>
    /// <returns>The token.</returns>
    public ContextPropagationToken CreatePropagationToken(ContextPropagationOptions? options = null) => CreatePropagationTokenCore(options);

    /// <summary>Sends the response headers.</summary>
    /// <param name="responseHeaders">The headers.</param>
    /// <returns>Done when the transport took the headers.</returns>
    protected abstract Task WriteResponseHeadersAsyncCore(Metadata responseHeaders);

    /// <summary>Makes a token with which a further call inherits from this one.</summary>
    /// <param name="options">What is inherited; null for the defaults.</param>
    /// <returns>The token.</returns>
    protected abstract ContextPropagationToken CreatePropagationTokenCore(ContextPropagationOptions? options);
}
