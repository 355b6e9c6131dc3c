using CocoGuest.Service.Access;
using CocoGuest.Service.Errors;
using Grpc.Core;

namespace CocoGuest.Service.Hosting;

/// <summary>The requests of a stream, each of which has to pass the gate before the service reads it.</summary>
/// <param name="requests">The client's.</param>
/// <param name="gate">The gate.</param>
/// <param name="context">The call.</param>
internal sealed class GuardedRequests<TRequest>(IAsyncStreamReader<TRequest> requests, AccessGate gate, ServerCallContext context)
    : IAsyncStreamReader<TRequest>
    where TRequest : class
{
    /// <inheritdoc/>
    public TRequest Current => requests.Current;

    /// <inheritdoc/>
    public async Task<bool> MoveNext(CancellationToken cancellationToken)
    {
        if (!await requests.MoveNext(cancellationToken))
        {
            return false;
        }

        gate.Refusal(requests.Current, context.GetHttpContext()).ThrowIfFailed();
        return true;
    }
}
