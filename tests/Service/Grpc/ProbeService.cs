using System.Collections.Concurrent;
using CocoGuest.Tests.Service.Grpc.Probing;
using Google.Protobuf;
using Grpc.Core;

namespace CocoGuest.Tests.Service.Grpc;

/// <summary>Does what each request says, and tells tests when a waiting call began and when it was cancelled.</summary>
internal sealed class ProbeService : Probe.ProbeBase
{
    internal const string FailureDetail = "kein Platz: 页面 % \"x\"\n";
    private readonly ConcurrentDictionary<string, WaitingCall> _waiting = new(StringComparer.Ordinal);

    /// <summary>Runs in every call, for tests that plant a bug.</summary>
    internal Action? OnEachCall { get; set; }

    /// <summary>The waiting call whose request has a given text.</summary>
    internal WaitingCall Waiting(string text) => _waiting.GetOrAdd(text, _ => new WaitingCall());

    public override async Task<ProbeReply> Unary(ProbeRequest request, ServerCallContext context)
    {
        await ActAsync(request, context);
        return Reply(request, 0, context);
    }

    public override async Task<ProbeReply> ClientStream(IAsyncStreamReader<ProbeRequest> requestStream, ServerCallContext context)
    {
        var reply = new ProbeReply();
        await foreach (ProbeRequest? request in requestStream.ReadAllAsync(context.CancellationToken))
        {
            await ActAsync(request, context);
            reply.Text += request.Text;
            reply.Index++;
        }

        return reply;
    }

    public override async Task ServerStream(ProbeRequest request, IServerStreamWriter<ProbeReply> responseStream, ServerCallContext context)
    {
        for (int i = 0; i < request.Count; i++)
        {
            await responseStream.WriteAsync(Reply(request, i, context), context.CancellationToken);
        }

        await ActAsync(request, context);
    }

    public override async Task Duplex(
        IAsyncStreamReader<ProbeRequest> requestStream, IServerStreamWriter<ProbeReply> responseStream, ServerCallContext context)
    {
        int index = 0;
        while (await requestStream.MoveNext(context.CancellationToken))
        {
            await ActAsync(requestStream.Current, context);
            await responseStream.WriteAsync(Reply(requestStream.Current, index++, context));
        }
    }

    private async Task ActAsync(ProbeRequest request, ServerCallContext context)
    {
        OnEachCall?.Invoke();
        var headers = new Metadata();
        foreach (Metadata.Entry? entry in context.RequestHeaders.Where(e => e.Key.StartsWith("x-echo", StringComparison.Ordinal)))
        {
            headers.Add(entry);
            context.ResponseTrailers.Add(entry.IsBinary
                ? new Metadata.Entry("trailer-" + entry.Key, entry.ValueBytes)
                : new Metadata.Entry("trailer-" + entry.Key, entry.Value));
        }

        if (headers.Count > 0)
        {
            await context.WriteResponseHeadersAsync(headers);
        }

        switch (request.Act)
        {
            case ProbeRequest.Types.Act.Fail:
                throw new RpcException(
                    new Status(StatusCode.ResourceExhausted, FailureDetail),
                    new Metadata { { "errno", "ENOMEM" }, { "errno-bin", [12, 0, 255] } });
            case ProbeRequest.Types.Act.Throw:
                throw new InvalidOperationException("not for the other side");
            case ProbeRequest.Types.Act.Wait:
                await Waiting(request.Text).WaitAsync(context.CancellationToken);
                break;
            case ProbeRequest.Types.Act.Plain:
                context.WriteOptions = new WriteOptions(WriteFlags.NoCompress);
                break;
            default:
                break;
        }
    }

    private static ProbeReply Reply(ProbeRequest request, int index, ServerCallContext context) => new()
    {
        Text = request.Text,
        Index = index,
        Data = ByteString.CopyFrom(request.Data.Span),
        Seen = new CallSeen
        {
            Method = context.Method,
            Host = context.Host,
            Peer = context.Peer,
            DeadlineTicks = context.Deadline.Ticks,
            Authenticated = context.AuthContext.IsPeerAuthenticated,
            RequestEncoding = context.GetHttpContext().Request.Headers["grpc-encoding"].ToString(),
        },
    };
}
