using Grpc.Core;
using Grpc.Core.Interceptors;

namespace CocoGuest.Client.Internal;

/// <summary>Makes the generated clients throw the SDK's exceptions, and adds the bearer token to each call.</summary>
/// <param name="endpoint">Where the server is, for sentences.</param>
/// <param name="bearerToken">The token, or null.</param>
internal sealed class ErrorInterceptor(string endpoint, string? bearerToken) : Interceptor
{
    public override TResponse BlockingUnaryCall<TRequest, TResponse>(
        TRequest request,
        ClientInterceptorContext<TRequest, TResponse> context,
        BlockingUnaryCallContinuation<TRequest, TResponse> continuation)
    {
        try
        {
            return continuation(request, WithToken(context));
        }
        catch (RpcException e)
        {
            throw ErrorTranslation.Translate(e, endpoint, context.Options.CancellationToken.IsCancellationRequested);
        }
    }

    public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(
        TRequest request,
        ClientInterceptorContext<TRequest, TResponse> context,
        AsyncUnaryCallContinuation<TRequest, TResponse> continuation)
    {
        AsyncUnaryCall<TResponse> call = continuation(request, WithToken(context));
        return new AsyncUnaryCall<TResponse>(
            TranslateAsync(call.ResponseAsync, context.Options.CancellationToken),
            call.ResponseHeadersAsync,
            call.GetStatus,
            call.GetTrailers,
            call.Dispose);
    }

    public override AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(
        TRequest request,
        ClientInterceptorContext<TRequest, TResponse> context,
        AsyncServerStreamingCallContinuation<TRequest, TResponse> continuation) => continuation(request, WithToken(context));

    private async Task<TResponse> TranslateAsync<TResponse>(Task<TResponse> response, CancellationToken cancel)
    {
        try
        {
            return await response;
        }
        catch (RpcException e)
        {
            throw ErrorTranslation.Translate(e, endpoint, cancel.IsCancellationRequested);
        }
    }

    private ClientInterceptorContext<TRequest, TResponse> WithToken<TRequest, TResponse>(
        ClientInterceptorContext<TRequest, TResponse> context)
        where TRequest : class
        where TResponse : class
    {
        if (bearerToken is null)
            return context;
        var headers = new Metadata();
        foreach (Metadata.Entry entry in context.Options.Headers ?? [])
            headers.Add(entry);
        headers.Add("authorization", $"Bearer {bearerToken}");
        return new(context.Method, context.Host, context.Options.WithHeaders(headers));
    }
}
