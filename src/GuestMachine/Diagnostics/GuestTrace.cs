using System.Globalization;
using System.Text;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Gate;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine.Diagnostics;

/// <summary>
/// Trace events of a guest: switching them on and off, reading the ring, being told of new ones.
/// Models: the dma, swiotlb and dma_buf events in the kernel's text (tracing.md). Does not model: filters and other tracers.
/// </summary>
public sealed class GuestTrace
{
    /// <summary>Events that the ring holds; beyond, the oldest are lost.</summary>
    public const int Capacity = 8192;

    private static readonly string[] Legend =
    [
        "#          TASK-PID     [CPU] status seconds: event: text", "#", "# The five characters of status, '.' for no:", "#   irqs off",
        "#   need resched", "#   hard or soft irq", "#   preempt depth", "#   migrate disabled",
    ];

    private readonly GuestGate _gate;
    private readonly KernelProfile _kernel;
    private readonly uint _cpus;
    private readonly TraceBuffer _buffer;
    private readonly IReadOnlyList<string> _known;
    private ulong _taken;

    internal GuestTrace(GuestGate gate, GuestShape shape, TraceBuffer buffer)
    {
        _gate = gate;
        _kernel = KernelProfile.Of(shape.Kernel);
        _cpus = shape.Cpus;
        _buffer = buffer;
        _known = TraceEventTable.Of(_kernel.Version);
        buffer.Task = CurrentTask;
    }

    /// <summary>The events that this kernel has, as <c>system:event</c>.</summary>
    public IReadOnlyList<string> Known => _known;

    /// <summary>Switches events on or off.</summary>
    /// <param name="pattern"><c>*</c>, <c>system</c>, <c>system:*</c>, <c>system:event</c> or <c>event</c>.</param>
    /// <param name="on">On or off.</param>
    /// <returns>EINVAL when the kernel has no such event, as writing to set_event gives.</returns>
    public Failure? Set(string pattern, bool on) => Set([pattern], on);

    /// <summary>As <see cref="Set(string,bool)"/> for several patterns: all of them, or none where one has no event.</summary>
    public Failure? Set(IReadOnlyCollection<string> patterns, bool on)
    {
        using Lock.Scope held = _gate.Hold();
        List<string> chosen = [];
        foreach (string pattern in patterns)
        {
            string[] matching =
                [.. _known.Where(e => Matches(e, pattern)).Select(e => e[(e.IndexOf(':', StringComparison.Ordinal) + 1)..])];
            if (matching.Length == 0)
            {
                return new Failure(Errno.EINVAL, "set_event", "look up event",
                    $"Kernel {_kernel.Name} has no trace event '{(pattern.Length <= 64 ? pattern : pattern[..64] + "…")}'.", "events");
            }

            chosen.AddRange(matching);
        }

        foreach (string name in chosen)
        {
            if (on)
            {
                _buffer.Enable(name);
            }
            else
            {
                _buffer.Disable(name);
            }
        }

        return null;
    }

    /// <summary>The enabled events, by name.</summary>
    public IReadOnlyList<string> Enabled()
    {
        using Lock.Scope held = _gate.Hold();
        return [.. _buffer.Enabled.Order(StringComparer.Ordinal)];
    }

    /// <summary>Events from a sequence number on, oldest first.</summary>
    /// <param name="sequence">First sequence number wanted; 0 and 1: all that the ring holds.</param>
    /// <param name="most">At most this many.</param>
    /// <param name="lost">Events that were wanted and are no longer in the ring.</param>
    public IReadOnlyList<TraceEvent> Read(ulong sequence, int most, out ulong lost)
    {
        using Lock.Scope held = _gate.Hold();
        ulong first = Math.Max(sequence, 1);
        lost = first < _buffer.Oldest ? _buffer.Oldest - first : 0;
        return [.. _buffer.From(first, most)];
    }

    /// <summary>
    /// Takes lines as a read of trace_pipe does, oldest first, each ending with a line feed: once, whoever reads. <see cref="Subscribe"/>
    /// tells when there are new ones. Where the ring lost events before they were taken, a line says how many.
    /// </summary>
    /// <param name="most">At most this many events.</param>
    public string TakeLines(int most)
    {
        using Lock.Scope held = _gate.Hold();
        IReadOnlyList<TraceEvent> events = Read(_taken + 1, most, out ulong lost);
        var text = new StringBuilder();
        if (lost != 0 && events.Count != 0)
        {
            text.Append(CultureInfo.InvariantCulture, $"CPU:{events[0].Cpu} [LOST {lost} EVENTS]\n");
        }

        foreach (TraceEvent one in events)
        {
            text.Append(one.Line).Append('\n');
            _taken = one.Sequence;
        }

        return text.ToString();
    }

    /// <summary>Sequence number of the latest event; 0 before the first.</summary>
    public ulong Last()
    {
        using Lock.Scope held = _gate.Hold();
        return _buffer.Last;
    }

    /// <summary>
    /// The lines that start the trace file (S-TRC-82): tracer, counts, and a legend of eight lines in our own words;
    /// all start with <c>#</c>.
    /// </summary>
    public IReadOnlyList<string> Header()
    {
        using Lock.Scope held = _gate.Hold();
        ulong kept = _buffer.Last + 1 - _buffer.Oldest;
        return
        [
            "# tracer: nop", "#", $"# entries-in-buffer/entries-written: {kept}/{_buffer.Last}   #P:{_cpus}", "#", .. Legend,
        ];
    }

    /// <summary>
    /// Calls back after each event, until disposed. The callback runs under the guest's lock and must not call the guest.
    /// </summary>
    public IDisposable Subscribe(Action added)
    {
        using (_gate.Hold())
        {
            _buffer.Added += added;
        }

        return new Subscription(this, added);
    }

    private static bool Matches(string known, string pattern)
    {
        int colon = known.IndexOf(':', StringComparison.Ordinal);
        return pattern == "*" || pattern == known || pattern == known[..colon] || pattern == known[(colon + 1)..]
            || (pattern.EndsWith(":*", StringComparison.Ordinal) && pattern[..^2] == known[..colon]);
    }

    private (string Name, uint Pid) CurrentTask() =>
        _gate.Current is { } process ? (process.Name.Length == 0 ? $"emu-{process.Pid}" : process.Name, process.Pid) : ("swapper/0", 0);

    private sealed class Subscription(GuestTrace trace, Action added) : IDisposable
    {
        public void Dispose()
        {
            using Lock.Scope held = trace._gate.Hold();
            trace._buffer.Added -= added;
        }
    }
}
