using System.Collections.Concurrent;
using Grpc.Core;
using Grpc.Core.Interceptors;

namespace CocoGuest.Tests.Service.Grpc;

/// <summary>On either side: records which member saw which method, and leaves a trace of itself in the call.</summary>
internal sealed class RecordingInterceptor(string name = "server") : Interceptor
{
    internal ConcurrentQueue<string> Seen { get; } = new();

    public override TResponse BlockingUnaryCall<TRequest, TResponse>(
        TRequest request,
        ClientInterceptorContext<TRequest, TResponse> context,
        BlockingUnaryCallContinuation<TRequest, TResponse> continuation) =>
        continuation(request, Marked(context, nameof(BlockingUnaryCall)));

    public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(
        TRequest request,
        ClientInterceptorContext<TRequest, TResponse> context,
        AsyncUnaryCallContinuation<TRequest, TResponse> continuation) => continuation(request, Marked(context, nameof(AsyncUnaryCall)));

    public override AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(
        TRequest request,
        ClientInterceptorContext<TRequest, TResponse> context,
        AsyncServerStreamingCallContinuation<TRequest, TResponse> continuation) =>
        continuation(request, Marked(context, nameof(AsyncServerStreamingCall)));

    public override AsyncClientStreamingCall<TRequest, TResponse> AsyncClientStreamingCall<TRequest, TResponse>(
        ClientInterceptorContext<TRequest, TResponse> context,
        AsyncClientStreamingCallContinuation<TRequest, TResponse> continuation) =>
        continuation(Marked(context, nameof(AsyncClientStreamingCall)));

    public override AsyncDuplexStreamingCall<TRequest, TResponse> AsyncDuplexStreamingCall<TRequest, TResponse>(
        ClientInterceptorContext<TRequest, TResponse> context,
        AsyncDuplexStreamingCallContinuation<TRequest, TResponse> continuation) =>
        continuation(Marked(context, nameof(AsyncDuplexStreamingCall)));

    public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation) =>
        continuation(request, Marked(context, nameof(UnaryServerHandler)));

    public override Task<TResponse> ClientStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream,
        ServerCallContext context,
        ClientStreamingServerMethod<TRequest, TResponse> continuation) =>
        continuation(requestStream, Marked(context, nameof(ClientStreamingServerHandler)));

    public override Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request,
        IServerStreamWriter<TResponse> responseStream,
        ServerCallContext context,
        ServerStreamingServerMethod<TRequest, TResponse> continuation) =>
        continuation(request, responseStream, Marked(context, nameof(ServerStreamingServerHandler)));

    public override Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream,
        IServerStreamWriter<TResponse> responseStream,
        ServerCallContext context,
        DuplexStreamingServerMethod<TRequest, TResponse> continuation) =>
        continuation(requestStream, responseStream, Marked(context, nameof(DuplexStreamingServerHandler)));

    private ClientInterceptorContext<TRequest, TResponse> Marked<TRequest, TResponse>(
        ClientInterceptorContext<TRequest, TResponse> context, string member)
        where TRequest : class
        where TResponse : class
    {
        Seen.Enqueue($"{name} {member} {context.Method.Name}{(context.Host is null ? "" : " at " + context.Host)}");
        var headers = new Metadata();
        foreach (Metadata.Entry entry in context.Options.Headers ?? [])
        {
            headers.Add(entry);
        }

        headers.Add("x-echo-interceptor", name);
        return new(context.Method, context.Host, context.Options.WithHeaders(headers));
    }

    private ServerCallContext Marked(ServerCallContext context, string member)
    {
        context.ResponseTrailers.Add("x-interceptor", $"{name} {member} {context.Method}");
        return context;
    }
}
