using Google.Protobuf;
using Grpc.Core;

namespace CocoGuest.Tests.Service.Probing;

/// <summary>Does what each request says.</summary>
internal sealed class ProbeService : Probe.ProbeBase
{
    /// <summary>Runs in every call, for tests that plant a bug.</summary>
    internal Action? OnEachCall { get; set; }

    public override async Task<ProbeReply> Unary(ProbeRequest request, ServerCallContext context)
    {
        await ActAsync(request, context);
        return Reply(request, 0);
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
            await responseStream.WriteAsync(Reply(request, i), context.CancellationToken);
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
            await responseStream.WriteAsync(Reply(requestStream.Current, index++));
        }
    }

    private async Task ActAsync(ProbeRequest request, ServerCallContext context)
    {
        OnEachCall?.Invoke();
        switch (request.Act)
        {
            case ProbeRequest.Types.Act.Fail:
                throw new RpcException(new Status(StatusCode.ResourceExhausted, "no room"));
            case ProbeRequest.Types.Act.Throw:
                throw new InvalidOperationException("not for the other side");
            case ProbeRequest.Types.Act.Wait:
                await new TaskCompletionSource().Task.WaitAsync(context.CancellationToken);
                break;
            default:
                break;
        }
    }

    private static ProbeReply Reply(ProbeRequest request, int index) =>
        new() { Text = request.Text, Index = index, Data = ByteString.CopyFrom(request.Data.Span) };
}
