using CocoGuest.Tests.Service.Hosting;
using Grpc.Core;

namespace CocoGuest.Tests.Service.Calls;

/// <summary>A stream that follows a guest, in a test's hands.</summary>
internal sealed class FollowedGuest<T>(AsyncServerStreamingCall<T> call) : IDisposable
{
    /// <summary>The stream once the server follows the guest: nothing that happens from then on is missed.</summary>
    public static async Task<FollowedGuest<T>> StartAsync(AsyncServerStreamingCall<T> call)
    {
        await call.ResponseHeadersAsync.WaitAsync(ServerTest.Patience);
        return new FollowedGuest<T>(call);
    }

    /// <summary>The next message, or null at the stream's good end.</summary>
    public async Task<T?> NextAsync() =>
        await call.ResponseStream.MoveNext(CancellationToken.None).WaitAsync(ServerTest.Patience) ? call.ResponseStream.Current : default;

    public void Dispose() => call.Dispose();
}
