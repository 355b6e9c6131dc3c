using CocoGuest.Tests.Service.Hosting;
using Grpc.Core;

namespace CocoGuest.Tests.Service.Fuzz;

/// <summary>One client that sends random requests, one after another, and judges how each call ends.</summary>
/// <param name="invoker">Where to.</param>
/// <param name="methods">Methods to call.</param>
/// <param name="seed">Decides everything but what other clients do meanwhile.</param>
/// <param name="revive">Makes the default guest again after somebody destroyed it, or, with true, after it terminated itself.</param>
internal sealed class FuzzClient(CallInvoker invoker, IReadOnlyList<FuzzMethod> methods, int seed, Func<bool, Task> revive)
{
    private static readonly StatusCode[] Wrong = [StatusCode.Unknown, StatusCode.Internal, StatusCode.DataLoss];
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Brief = TimeSpan.FromMilliseconds(10);
    private readonly HashSet<FuzzMethod> _waits = [];
    private readonly Random _dice = new(seed);
    private readonly FuzzPool _pool = new();
    private bool _ended;

    /// <summary>Calls by method, those that succeeded among them.</summary>
    public Dictionary<string, (int Calls, int Succeeded)> Seen { get; } = new(StringComparer.Ordinal);

    /// <summary>What should not have happened, with the bytes that brought it about.</summary>
    public List<string> Findings { get; } = [];

    /// <summary>Sends that many requests.</summary>
    public async Task RunAsync(int requests)
    {
        var messages = new FuzzMessages(_dice, _pool);
        for (int i = 0; i < requests && Findings.Count < 20; i++)
        {
            FuzzMethod method = methods[_dice.Next(methods.Count)];
            bool destroys = method.Name is ['D', 'e', 's', 't', 'r', 'o', 'y', ..] or ['E', 'x', 'i', 't', ..];
            if (destroys && _dice.Next(10) != 0)
            {
                // Rarely, or nothing would ever live long.
                continue;
            }

            byte[] request = messages.Make(method.Request);
            StatusCode code = await CallAsync(method, request, messages);
            if (destroys || _ended)
            {
                await revive(_ended);
                _ended = false;
            }

            (int calls, int succeeded) = Seen.GetValueOrDefault(method.Raw.FullName);
            Seen[method.Raw.FullName] = (calls + 1, succeeded + (code == StatusCode.OK ? 1 : 0));
        }
    }

    private async Task<StatusCode> CallAsync(FuzzMethod method, byte[] request, FuzzMessages messages)
    {
        // A watch or a wait may have nothing to say for ever, since the clock is by hand: it is given up, sooner once it is known.
        using var over = new CancellationTokenSource(_waits.Contains(method) ? Brief : Long);
        try
        {
            await CallAsync(method, request, messages, over).WaitAsync(ServerTest.Patience);
            return StatusCode.OK;
        }
        catch (RpcException e)
        {
            // A debug exception is the transport's: the connection broke, which no request may bring about. Without a cause inside, and after
            // the call was given up, it is this client's own end of the stream.
            bool own = over.IsCancellationRequested && e.Status.DebugException is IOException { InnerException: null };
            if (Wrong.Contains(e.StatusCode) || (!own && e.Status.DebugException is (IOException or HttpRequestException)))
            {
                string givenUp = over.IsCancellationRequested ? " after it was given up" : "";
                Findings.Add(
                    $"seed {seed}: {method.Raw.FullName} ended with {e.StatusCode} '{e.Status.Detail}'{givenUp}: {Convert.ToHexString(request)} "
                    + e.Status.DebugException);
            }

            if (over.IsCancellationRequested)
            {
                _waits.Add(method);
            }

            _ended |= e.Status.Detail.StartsWith("Guest default is gone", StringComparison.Ordinal);
            return e.StatusCode;
        }
        catch (TimeoutException)
        {
            await over.CancelAsync();
            Findings.Add($"seed {seed}: {method.Raw.FullName} did not end: {Convert.ToHexString(request)}");
            return StatusCode.DeadlineExceeded;
        }
    }

    private Task CallAsync(FuzzMethod method, byte[] request, FuzzMessages messages, CancellationTokenSource over)
    {
        var options = new CallOptions(cancellationToken: over.Token);
        return method.Type switch
        {
            MethodType.Unary => UnaryAsync(method, request, options),
            MethodType.ServerStreaming => ServerStreamingAsync(method, request, options, over),
            MethodType.ClientStreaming => ClientStreamingAsync(method, request, messages, options),
            _ => DuplexAsync(method, request, messages, options, over),
        };
    }

    private async Task UnaryAsync(FuzzMethod method, byte[] request, CallOptions options)
    {
        using AsyncUnaryCall<byte[]> call = invoker.AsyncUnaryCall(method.Raw, null, options, request);
        Harvest(method, await call);
    }

    private async Task ServerStreamingAsync(FuzzMethod method, byte[] request, CallOptions options, CancellationTokenSource over)
    {
        using AsyncServerStreamingCall<byte[]> call = invoker.AsyncServerStreamingCall(method.Raw, null, options, request);
        await ReadOneAsync(method, call.ResponseStream);
        await over.CancelAsync();
    }

    private async Task ClientStreamingAsync(FuzzMethod method, byte[] request, FuzzMessages messages, CallOptions options)
    {
        using AsyncClientStreamingCall<byte[], byte[]> call = invoker.AsyncClientStreamingCall(method.Raw, null, options);
        await WriteAsync(call.RequestStream, method, request, messages);
        Harvest(method, await call);
    }

    private async Task DuplexAsync(
        FuzzMethod method, byte[] request, FuzzMessages messages, CallOptions options, CancellationTokenSource over)
    {
        using AsyncDuplexStreamingCall<byte[], byte[]> call = invoker.AsyncDuplexStreamingCall(method.Raw, null, options);
        Task written = WriteAsync(call.RequestStream, method, request, messages);
        await ReadOneAsync(method, call.ResponseStream);
        await IgnoreAsync(written);
        await over.CancelAsync();
    }

    // A server that answers with an error need not read what still comes.
    private static async Task IgnoreAsync(Task written)
    {
        try
        {
            await written;
        }
        catch (Exception e) when (e is RpcException or InvalidOperationException or OperationCanceledException)
        {
        }
    }

    private async Task WriteAsync(IClientStreamWriter<byte[]> stream, FuzzMethod method, byte[] first, FuzzMessages messages)
    {
        await stream.WriteAsync(first);
        for (int more = _dice.Next(3); more > 0; more--)
        {
            await stream.WriteAsync(messages.Make(method.Request));
        }

        await stream.CompleteAsync();
    }

    private async Task ReadOneAsync(FuzzMethod method, IAsyncStreamReader<byte[]> stream)
    {
        if (await stream.MoveNext(CancellationToken.None))
        {
            Harvest(method, stream.Current);
        }
    }

    private void Harvest(FuzzMethod method, byte[] response) => _pool.Harvest(method.Response.Parser.ParseFrom(response), _dice);
}
