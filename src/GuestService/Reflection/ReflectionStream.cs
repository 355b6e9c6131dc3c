using Grpc.Core;

namespace CocoGuest.Service.Reflection;

/// <summary>The stream of both versions of reflection: each request is answered in turn, until the client ends it or goes away.</summary>
internal static class ReflectionStream
{
    /// <summary>Serves one stream.</summary>
    public static async Task RunAsync<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requests, IServerStreamWriter<TResponse> responses, ServerCallContext context, Func<TRequest, TResponse> answer)
    {
        try
        {
            await foreach (TRequest request in requests.ReadAllAsync(context.CancellationToken))
            {
                await responses.WriteAsync(answer(request), context.CancellationToken);
            }
        }
        catch (Exception) when (context.CancellationToken.IsCancellationRequested)
        {
            // The client went away while it was answered: nobody is left to be told.
        }
    }
}
