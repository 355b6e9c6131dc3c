using System.Globalization;

namespace CocoGuest.Machine.Diagnostics;

/// <summary>One trace event of the guest's kernel.</summary>
/// <param name="Sequence">Number among the guest's events, from 1, without gaps while nothing is lost.</param>
/// <param name="Time">Guest time since boot.</param>
/// <param name="Cpu">CPU it happened on.</param>
/// <param name="Task">Name of the process whose call it was.</param>
/// <param name="Pid">Its pid.</param>
/// <param name="Name">Event name, for example <c>dma_map_sg</c>.</param>
/// <param name="Text">The event's own text (S-TRC-10 to 60).</param>
public sealed record TraceEvent(ulong Sequence, TimeSpan Time, uint Cpu, string Task, uint Pid, string Name, string Text)
{
    private const int TaskWidth = 16;

    /// <summary>
    /// The line of the trace file (S-TRC-80, 81): process context, interrupts on, nothing to reschedule;
    /// dma_buf events under one lock (S-REC-54).
    /// </summary>
    public string Line
    {
        get
        {
            string task = Task.Length < TaskWidth ? Task : Task[..(TaskWidth - 1)];
            long micros = Time.Ticks / TimeSpan.TicksPerMicrosecond;
            string status = TraceEventTable.IsUnderLock(Name) ? "...1." : ".....";
            return string.Create(CultureInfo.InvariantCulture,
                $"{task,TaskWidth}-{Pid,-7} [{Cpu:D3}] {status} {micros / 1_000_000,5}.{micros % 1_000_000:D6}: {Name}: {Text}");
        }
    }
}
