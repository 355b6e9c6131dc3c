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
    private const int Enough = 10;
    private static readonly StatusCode[] Wrong = [StatusCode.Unknown, StatusCode.Internal, StatusCode.DataLoss];
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Brief = TimeSpan.FromMilliseconds(10);
    private readonly HashSet<FuzzMethod> _waits = [];
    private readonly Random _dice = new(seed);
    private readonly FuzzPool _pool = new();
    private IReadOnlyDictionary<string, object>? _answered;
    private bool _ended;

    /// <summary>How often methods have succeeded for others already.</summary>
    public IReadOnlyDictionary<string, int> Succeeded { get; init; } = new Dictionary<string, int>();

    /// <summary>How calls ended that did not succeed, by method.</summary>
    public HashSet<(string Method, StatusCode Code)> Refusals { get; } = [];

    /// <summary>Calls by method, those that succeeded among them.</summary>
    public Dictionary<string, (int Calls, int Succeeded)> Seen { get; } = new(StringComparer.Ordinal);

    /// <summary>What should not have happened, with the bytes that brought it about.</summary>
    public List<string> Findings { get; } = [];

    /// <summary>Findings after which it stops.</summary>
    public int MostFindings { get; init; } = 20;

    /// <summary>Sends that many requests.</summary>
    public async Task RunAsync(int requests)
    {
        var messages = new FuzzMessages(_dice, _pool);
        for (int i = 0; i < requests && Findings.Count < MostFindings; i++)
        {
            FuzzMethod method = Next(out bool careful);
            bool destroys = Ends(method);
            if (_dice.Next(10) != 0 && (destroys || Disturbs(method)))
            {
                // Rarely, or nothing would ever live long.
                continue;
            }

            IReadOnlyDictionary<string, object>? led = careful ? await LeadAsync(method, messages) : null;
            byte[] request = messages.Make(method.Request, careful, led);
            StatusCode code = await CallAsync(method, request, messages);
            if (destroys || _ended)
            {
                await revive(_ended);
                _ended = false;
            }

            (int calls, int succeeded) = Seen.GetValueOrDefault(method.Raw.FullName);
            Seen[method.Raw.FullName] = (calls + 1, succeeded + (code == StatusCode.OK ? 1 : 0));
            if (code != StatusCode.OK)
            {
                Refusals.Add((method.Raw.FullName, code));
            }
        }
    }

    // A read that is cancelled ends with OperationCanceledException, or, when its stream is taken down first, with HttpClient's "The
    // request was aborted.", which the gRPC client calls UNAVAILABLE. What a server or a broken connection does comes with an exception
    // that says so.
    private static bool IsOwnAbort(RpcException e, CancellationTokenSource over) =>
        over.IsCancellationRequested && e.Status.DebugException is { InnerException: null } cause && cause.GetType() == typeof(IOException);

    private static bool Ends(FuzzMethod method) => StartsWith(method, "Destroy", "Exit");

    // Faults that stay armed, a VMM that refuses, a host that writes: after them hardly anything succeeds.
    private static bool Disturbs(FuzzMethod method) =>
        StartsWith(method, "Inject", "SetFail", "SetHypervisor", "WriteHost", "Change", "Remap");

    private static bool StartsWith(FuzzMethod method, params ReadOnlySpan<string> words)
    {
        foreach (string word in words)
        {
            if (method.Name.StartsWith(word, StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    }

    // Makes what the method needs. A step that fails, as when others ended the guest, leaves the rest to fail in order.
    private async Task<IReadOnlyDictionary<string, object>?> LeadAsync(FuzzMethod method, FuzzMessages messages)
    {
        IReadOnlyList<FuzzStep> steps = FuzzLeads.Of(method);
        Dictionary<string, object> scene = FuzzLeads.Begin();
        foreach (FuzzStep step in steps)
        {
            foreach ((string field, object value) in step.Set)
            {
                scene[field] = value;
            }

            if (methods.FirstOrDefault(m => m.Name == step.Method) is not { } before)
            {
                continue;
            }

            _answered = null;
            await CallAsync(before, FuzzStep.Request(before.Request, scene), messages);
            _answered?.ToList().ForEach(known => scene[known.Key] = known.Value);

            if (step.Kept is { } kept && scene.TryGetValue(kept.Field, out object? answer))
            {
                scene[kept.Name] = answer;
            }
        }

        return steps.Count == 0 ? null : scene;
    }

    // What has hardly succeeded yet is tried again and again, with care.
    private FuzzMethod Next(out bool careful)
    {
        FuzzMethod any = methods[_dice.Next(methods.Count)];
        careful = _dice.Next(4) == 0;
        if (!careful)
        {
            return any;
        }

        FuzzMethod[] rare = [.. methods.Where(m => Successes(m) < Enough)];
        return rare.Length == 0 ? any : rare[_dice.Next(rare.Length)];
    }

    private int Successes(FuzzMethod method) =>
        Succeeded.GetValueOrDefault(method.Raw.FullName) + Seen.GetValueOrDefault(method.Raw.FullName).Succeeded;

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
            // A debug exception is the transport's: the connection broke, which no request may bring about.
            if (Wrong.Contains(e.StatusCode) || (e.Status.DebugException is IOException or HttpRequestException && !IsOwnAbort(e, over)))
            {
                string givenUp = over.IsCancellationRequested ? " after it was given up" : "";
                Findings.Add(
                    $"seed {seed}: {method.Raw.FullName} ended with {e.StatusCode} '{e.Status.Detail}'{givenUp}: "
                    + $"{Convert.ToHexString(request)} "
                    + e.Status.DebugException);
            }

            if (over.IsCancellationRequested)
            {
                _waits.Add(method);
            }

            _ended |= e.Status.Detail.Contains("Guest default is gone", StringComparison.Ordinal);
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
        Harvest(method, request, await call);
    }

    private async Task ServerStreamingAsync(FuzzMethod method, byte[] request, CallOptions options, CancellationTokenSource over)
    {
        using AsyncServerStreamingCall<byte[]> call = invoker.AsyncServerStreamingCall(method.Raw, null, options, request);
        await ReadOneAsync(method, request, call.ResponseStream);
        await over.CancelAsync();
    }

    private async Task ClientStreamingAsync(FuzzMethod method, byte[] request, FuzzMessages messages, CallOptions options)
    {
        using AsyncClientStreamingCall<byte[], byte[]> call = invoker.AsyncClientStreamingCall(method.Raw, null, options);
        await WriteAsync(call.RequestStream, method, request, messages);
        Harvest(method, request, await call);
    }

    private async Task DuplexAsync(
        FuzzMethod method, byte[] request, FuzzMessages messages, CallOptions options, CancellationTokenSource over)
    {
        using AsyncDuplexStreamingCall<byte[], byte[]> call = invoker.AsyncDuplexStreamingCall(method.Raw, null, options);
        Task written = WriteAsync(call.RequestStream, method, request, messages);
        await ReadOneAsync(method, request, call.ResponseStream);
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

    private async Task ReadOneAsync(FuzzMethod method, byte[] request, IAsyncStreamReader<byte[]> stream)
    {
        if (await stream.MoveNext(CancellationToken.None))
        {
            Harvest(method, request, stream.Current);
        }
    }

    // The server parsed the request, or there were no answer.
    private void Harvest(FuzzMethod method, byte[] request, byte[] response) =>
        _answered = _pool.Remember(method.Request.Parser.ParseFrom(request), method.Response.Parser.ParseFrom(response), _dice);
}
