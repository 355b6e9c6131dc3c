namespace Grpc.Core;

/// <summary>The requests of a call, as its client writes them.</summary>
/// <typeparam name="T">The request message.</typeparam>
public interface IClientStreamWriter<in T> : IAsyncStreamWriter<T>
{
    /// <summary>Ends the stream of requests; the responses go on.</summary>
    /// <returns>Done when the end is written.</returns>
    Task CompleteAsync();
}
