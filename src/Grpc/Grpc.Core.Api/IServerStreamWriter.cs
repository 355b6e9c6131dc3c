namespace Grpc.Core;

/// <summary>The responses of a call, as its server writes them. The stream ends when the handler returns.</summary>
/// <typeparam name="T">The response message.</typeparam>
public interface IServerStreamWriter<in T> : IAsyncStreamWriter<T>
{
}
