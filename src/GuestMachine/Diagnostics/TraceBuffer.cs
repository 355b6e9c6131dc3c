namespace CocoGuest.Machine.Diagnostics;

/// <summary>
/// The ring of trace events of one guest: what is enabled, what happened, in order. Under the guest's lock.
/// Models: the order and text of events, one ring for all CPUs. Does not model: filters, triggers, per-CPU rings, other tracers.
/// </summary>
/// <param name="time">Guest time.</param>
/// <param name="capacity">Events that the ring holds; the oldest are lost when it is full.</param>
internal sealed class TraceBuffer(TimeProvider time, int capacity)
{
    private readonly Queue<TraceEvent> _events = new();
    private readonly HashSet<string> _enabled = new(StringComparer.Ordinal);
    private readonly long _boot = time.GetTimestamp();
    private ulong _last;

    /// <summary>False: nothing is enabled, and no text need be made.</summary>
    public bool Any => _enabled.Count != 0;

    /// <summary>Names of the enabled events.</summary>
    public IReadOnlyCollection<string> Enabled => _enabled;

    /// <summary>Sequence number of the latest event.</summary>
    public ulong Last => _last;

    /// <summary>Sequence number of the oldest event that the ring still holds; one more than <see cref="Last"/> when it is empty.</summary>
    public ulong Oldest => _last + 1 - (ulong)_events.Count;

    /// <summary>Name and pid of the running task.</summary>
    public Func<(string Name, uint Pid)> Task { get; set; } = static () => ("swapper/0", 0);

    /// <summary>CPU of the running call.</summary>
    public uint Cpu { get; set; }

    /// <summary>Called after each event, under the guest's lock: it must not call the guest.</summary>
    public Action? Added { get; set; }

    public void Enable(string name) => _enabled.Add(name);

    public void Disable(string name) => _enabled.Remove(name);

    /// <summary>Takes an event if it is enabled.</summary>
    public void Add(string name, string text)
    {
        if (!_enabled.Contains(name))
        {
            return;
        }

        if (_events.Count == capacity)
        {
            _events.Dequeue();
        }

        (string task, uint pid) = Task();
        _events.Enqueue(new TraceEvent(++_last, time.GetElapsedTime(_boot), Cpu, task, pid, name, text));
        Added?.Invoke();
    }

    /// <summary>Events from a sequence number on, oldest first.</summary>
    public IEnumerable<TraceEvent> From(ulong sequence, int most) => _events.Where(e => e.Sequence >= sequence).Take(most);
}
