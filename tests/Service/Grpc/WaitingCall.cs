namespace CocoGuest.Tests.Service.Grpc;

/// <summary>A call that waits until it is cancelled, with the two moments that tests await.</summary>
internal sealed class WaitingCall
{
    private readonly TaskCompletionSource _begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _cancelled = new(TaskCreationOptions.RunContinuationsAsynchronously);

    internal Task Begun => _begun.Task.WaitAsync(KestrelHost.Patience);

    internal Task Cancelled => _cancelled.Task.WaitAsync(KestrelHost.Patience);

    internal async Task WaitAsync(CancellationToken cancellationToken)
    {
        await using CancellationTokenRegistration registration = cancellationToken.Register(_cancelled.SetResult);
        _begun.SetResult();
        await _cancelled.Task;
    }
}
