namespace CocoGuest.Service.Budgets;

/// <summary>
/// Room for long answers, a place of about a megabyte each, from before the call begins until its answer has left: a client that does not
/// read decides by itself how much the server would hold for it otherwise.
/// </summary>
/// <remarks>
/// <para>A connection may hold a quarter of what is free, and never more than <see cref="MostOfOne"/>, so that who comes later finds
/// something. Whoever may have no more waits, in order, before his request is read; nobody waits for another's waiting.</para>
/// <para>A connection that holds places and gives none back stalls. It is ended after <see cref="StallLimit"/>, and after
/// <see cref="ShortLimit"/> as soon as somebody waits who holds nothing.</para>
/// </remarks>
internal sealed class AnswerRoom(TimeProvider time) : IDisposable
{
    /// <summary>Places in all.</summary>
    public const int Places = 64;

    /// <summary>Most places of one connection.</summary>
    public const int MostOfOne = 4;

    /// <summary>How long a connection may give no place back.</summary>
    public static readonly TimeSpan StallLimit = TimeSpan.FromSeconds(30);

    /// <summary>The same, while others wait.</summary>
    public static readonly TimeSpan ShortLimit = TimeSpan.FromSeconds(2);

    private const int Quarter = 4;
    private const int AnswersForATrim = 64;
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly LinkedList<Waiter> _waiting = [];
    private readonly HashSet<ClientConnection> _holders = [];
    private ITimer? _timer;
    private int _free = Places;
    private int _sinceTrim;
    private long _stalled;
    private bool _armed;

    /// <summary>Places in use.</summary>
    public int InUse
    {
        get
        {
            lock (_lock)
            {
                return Places - _free;
            }
        }
    }

    /// <summary>Connections that were ended because they stalled.</summary>
    public long Stalled => Interlocked.Read(ref _stalled);

    /// <summary>Takes a place; give it back with <see cref="Give"/>.</summary>
    public ValueTask TakeAsync(ClientConnection client, CancellationToken end)
    {
        Waiter waiter;
        lock (_lock)
        {
            Arm();
            if (TryTake(client))
            {
                return ValueTask.CompletedTask;
            }

            waiter = new Waiter(client);
            waiter.Node = _waiting.AddLast(waiter);
        }

        return WaitAsync(waiter, end);
    }

    /// <summary>An answer has left, or never will.</summary>
    public void Give(ClientConnection client)
    {
        lock (_lock)
        {
            Put(client);
            Serve();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_lock)
        {
            _timer?.Dispose();
        }
    }

    private async ValueTask WaitAsync(Waiter waiter, CancellationToken end)
    {
        await using CancellationTokenRegistration given =
            end.UnsafeRegister(static (w, token) => ((Waiter)w!).Turn.TrySetCanceled(token), waiter);
        try
        {
            await waiter.Turn.Task;
        }
        catch (OperationCanceledException)
        {
            lock (_lock)
            {
                if (waiter.Node is { List: not null } node)
                {
                    _waiting.Remove(node);
                }
            }

            throw;
        }
    }

    private bool TryTake(ClientConnection client)
    {
        if (client.Answers >= Math.Min(MostOfOne, Math.Max(1, _free / Quarter)) || _free == 0)
        {
            return false;
        }

        if (client.Answers++ == 0)
        {
            client.LastProgress = time.GetTimestamp();
            _holders.Add(client);
        }

        _free--;
        return true;
    }

    private void Put(ClientConnection client)
    {
        _free++;
        _sinceTrim++;
        client.LastProgress = time.GetTimestamp();
        if (--client.Answers == 0)
        {
            _holders.Remove(client);
        }
    }

    private void Serve()
    {
        for (LinkedListNode<Waiter>? next = _waiting.First; next is not null && _free > 0;)
        {
            LinkedListNode<Waiter> node = next;
            next = node.Next;
            if (TryTake(node.Value.Client))
            {
                _waiting.Remove(node);
                if (!node.Value.Turn.TrySetResult())
                {
                    // It gave up in this moment.
                    Put(node.Value.Client);
                }
            }
        }
    }

    private void Arm()
    {
        if (!_armed)
        {
            _armed = true;
            _timer ??= time.CreateTimer(_ => Look(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            _timer.Change(Period, Timeout.InfiniteTimeSpan);
        }
    }

    private void Look()
    {
        ClientConnection[] stalled;
        bool trim;
        lock (_lock)
        {
            TimeSpan limit = _waiting.Any(w => w.Client.Answers == 0) ? ShortLimit : StallLimit;
            long now = time.GetTimestamp();
            stalled = [.. _holders.Where(h => time.GetElapsedTime(h.LastProgress, now) >= limit)];
            _stalled += stalled.Length;
            // Each is ended once; its places come back when its calls have ended.
            _holders.ExceptWith(stalled);
            trim = _free == Places && _sinceTrim >= AnswersForATrim;
            _sinceTrim = trim ? 0 : _sinceTrim;
            _armed = false;
            if (_free < Places || _waiting.Count > 0)
            {
                Arm();
            }
        }

        Array.ForEach(stalled, s => s.Abort("The client does not read its answers."));
        if (trim)
        {
            // Long answers made the heap grow, and nothing would make it shrink in a server that is idle again.
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        }
    }

    private sealed class Waiter(ClientConnection client)
    {
        public ClientConnection Client => client;

        public TaskCompletionSource Turn { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public LinkedListNode<Waiter>? Node { get; set; }
    }
}
