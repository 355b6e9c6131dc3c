namespace CocoGuest.Supervisor.Seccomp;

/// <summary>
/// The threads that take stopped calls. A call is at the mercy of every signal until it was taken, and of a fatal one alone after that; so
/// some thread always waits in the kernel for the next call, whatever the others do.
/// </summary>
/// <remarks>
/// <para>Who takes a call also handles it: nothing is handed from thread to thread. What one program makes wait (its memory, its folders)
/// holds up the thread that serves it, and nobody else. A thread more begins whenever the last one that waited has taken a call, and those
/// that are not needed any more end after their call.</para>
/// <para>Two wait: while the runtime stops its threads to collect garbage, none comes back for the next call, and the other one is there
/// already.</para>
/// </remarks>
/// <param name="channel">The listener.</param>
/// <param name="handle">Handles a call, on any thread; several at once.</param>
internal sealed class CallReceivers(NotifyChannel channel, Action<Notification> handle)
{
    private const int MostWaiting = 2;
    private const int StackBytes = 256 * 1024;
    private int _waiting;

    /// <summary>Calls are taken from now on, until no process has the filter any more.</summary>
    public void Start()
    {
        for (int i = 0; i < MostWaiting; i++)
        {
            Add();
        }
    }

    private void Add()
    {
        Interlocked.Increment(ref _waiting);
        new Thread(Run, StackBytes) { IsBackground = true, Name = "stopped calls" }.Start();
    }

    private void Run()
    {
        try
        {
            while (TakeOne())
            {
            }
        }
        catch (ObjectDisposedException)
        {
            // Nobody answers any more.
        }
    }

    // False: this thread is not needed any more.
    private bool TakeOne()
    {
        if (!channel.TryReceive(out Notification notification))
        {
            return !channel.IsOver;
        }

        if (Interlocked.Decrement(ref _waiting) == 0)
        {
            Add();
        }

        handle(notification);
        if (Interlocked.Increment(ref _waiting) <= MostWaiting)
        {
            return true;
        }

        Interlocked.Decrement(ref _waiting);
        return false;
    }
}
