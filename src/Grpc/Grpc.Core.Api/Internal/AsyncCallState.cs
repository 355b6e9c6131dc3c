namespace Grpc.Core.Internal;

/// <summary>
/// What the four kinds of running calls share. The functions take a state object, so that a transport need not allocate closures.
/// </summary>
internal readonly struct AsyncCallState(
    Func<object, Task<Metadata>> responseHeadersAsync,
    Func<object, Status> getStatus,
    Func<object, Metadata> getTrailers,
    Action<object> dispose,
    object state)
{
    /// <summary>Wraps functions without a state; the state is then the tuple of them.</summary>
    internal AsyncCallState(Task<Metadata> responseHeadersAsync, Func<Status> getStatus, Func<Metadata> getTrailers, Action dispose)
        : this(
            static s => ((Functions)s).ResponseHeadersAsync,
            static s => ((Functions)s).GetStatus(),
            static s => ((Functions)s).GetTrailers(),
            static s => ((Functions)s).Dispose(),
            new Functions(responseHeadersAsync, getStatus, getTrailers, dispose))
    {
    }

    internal Task<Metadata> ResponseHeadersAsync() => responseHeadersAsync(state);

    internal Status GetStatus() => getStatus(state);

    internal Metadata GetTrailers() => getTrailers(state);

    internal void Dispose() => dispose(state);

    private sealed record Functions(
        Task<Metadata> ResponseHeadersAsync, Func<Status> GetStatus, Func<Metadata> GetTrailers, Action Dispose);
}
