using System.Diagnostics.CodeAnalysis;

namespace Grpc.Core;

/// <summary>Options of one call. A value: each <c>With</c> gives a changed copy.</summary>
public struct CallOptions
{
    /// <summary>Makes options.</summary>
    /// <param name="headers">Request headers.</param>
    /// <param name="deadline">When the call has to be done, in UTC; null for never.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <param name="writeOptions">Options for each write of the call.</param>
    /// <param name="propagationToken">What is inherited from a call that is being handled.</param>
    /// <param name="credentials">Credentials of this call.</param>
    [SuppressMessage("Design", "CA1068:CancellationToken parameters must come last", Justification = "The official API's order.")]
    public CallOptions(
        Metadata? headers = null,
        DateTime? deadline = null,
        CancellationToken cancellationToken = default,
        WriteOptions? writeOptions = null,
        ContextPropagationToken? propagationToken = null,
        CallCredentials? credentials = null)
    {
        Headers = headers;
        Deadline = deadline;
        CancellationToken = cancellationToken;
        WriteOptions = writeOptions;
        PropagationToken = propagationToken;
        Credentials = credentials;
        IsWaitForReady = false;
    }

    /// <summary>Request headers.</summary>
    public Metadata? Headers { get; private set; }

    /// <summary>When the call has to be done, in UTC; null for never.</summary>
    public DateTime? Deadline { get; private set; }

    /// <summary>Cancels the call.</summary>
    public CancellationToken CancellationToken { get; private set; }

    /// <summary>Options for each write of the call.</summary>
    public WriteOptions? WriteOptions { get; private set; }

    /// <summary>What is inherited from a call that is being handled.</summary>
    public ContextPropagationToken? PropagationToken { get; private set; }

    /// <summary>Credentials of this call.</summary>
    public CallCredentials? Credentials { get; private set; }

    /// <summary>Whether the call waits for a connection instead of failing at once.</summary>
    public bool IsWaitForReady { get; private set; }

    /// <summary>Sets the request headers.</summary>
    /// <param name="headers">The headers.</param>
    /// <returns>A changed copy.</returns>
    public readonly CallOptions WithHeaders(Metadata headers) => this with { Headers = headers };

    /// <summary>Sets the deadline.</summary>
    /// <param name="deadline">The point in time, in UTC.</param>
    /// <returns>A changed copy.</returns>
    public readonly CallOptions WithDeadline(DateTime deadline) => this with { Deadline = deadline };

    /// <summary>Sets the token that cancels the call.</summary>
    /// <param name="cancellationToken">The token.</param>
    /// <returns>A changed copy.</returns>
    public readonly CallOptions WithCancellationToken(CancellationToken cancellationToken) =>
        this with { CancellationToken = cancellationToken };

    /// <summary>Sets the options for each write.</summary>
    /// <param name="writeOptions">The options.</param>
    /// <returns>A changed copy.</returns>
    public readonly CallOptions WithWriteOptions(WriteOptions writeOptions) => this with { WriteOptions = writeOptions };

    /// <summary>Sets what is inherited.</summary>
    /// <param name="propagationToken">The token of the call that is being handled.</param>
    /// <returns>A changed copy.</returns>
    public readonly CallOptions WithPropagationToken(ContextPropagationToken propagationToken) =>
        this with { PropagationToken = propagationToken };

    /// <summary>Sets the credentials of the call.</summary>
    /// <param name="credentials">The credentials.</param>
    /// <returns>A changed copy.</returns>
    public readonly CallOptions WithCredentials(CallCredentials credentials) => this with { Credentials = credentials };

    /// <summary>Sets whether the call waits for a connection.</summary>
    /// <param name="waitForReady">Whether it waits.</param>
    /// <returns>A changed copy.</returns>
    public readonly CallOptions WithWaitForReady(bool waitForReady = true) => this with { IsWaitForReady = waitForReady };
}
