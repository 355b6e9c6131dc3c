namespace CocoGuest.Service.Processes;

/// <summary>
/// One OpenProcess stream as the life of its process. <see cref="End"/> asks its loop to stop, <see cref="Done"/> says that it has.
/// </summary>
internal sealed class StreamLease : IDisposable
{
    private readonly CancellationTokenSource _end = new();
    private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Fires when somebody else took the process over, or events were lost.</summary>
    public CancellationToken Ending => _end.Token;

    /// <summary>Done when the stream's loop touches the event queue no more.</summary>
    public Task Done => _done.Task;

    /// <summary>Asks the loop to stop. Its continuations run elsewhere, so this may be called under any lock.</summary>
    public void End() => _ = _end.CancelAsync();

    /// <summary>The loop has stopped.</summary>
    public void Dispose() => _done.TrySetResult();
}
