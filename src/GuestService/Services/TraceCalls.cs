using CocoGuest.Machine;
using CocoGuest.Machine.Diagnostics;
using CocoGuest.Service.Errors;
using CocoGuest.Service.Streams;
using CocoGuest.V1;
using Grpc.Core;

namespace CocoGuest.Service.Services;

/// <summary>TraceService: trace events of a guest's kernel.</summary>
internal sealed class TraceCalls(CallEntry entry, GuestFollowers followers) : TraceService.TraceServiceBase
{
    private const int LinesPerMessage = 256;

    /// <inheritdoc/>
    public override Task<SetTraceEventsResponse> SetTraceEvents(SetTraceEventsRequest request, ServerCallContext context)
    {
        GuestTrace trace = entry.Guest(context, request.Guest).Trace;
        trace.Set(request.Events, !request.HasOn || request.On).ThrowIfFailed();
        return Task.FromResult(new SetTraceEventsResponse { Enabled = { trace.Enabled() }, Known = { trace.Known } });
    }

    /// <inheritdoc/>
    public override async Task StreamTrace(
        StreamTraceRequest request, IServerStreamWriter<StreamTraceResponse> responseStream, ServerCallContext context)
    {
        Guest guest = entry.Guest(context, request.Guest);
        ulong next = request.FromSequence;
        ulong end = request.OnlyPresent ? guest.Trace.Last() : ulong.MaxValue;
        using GuestFollower follower = followers.Follow(guest);
        using IDisposable subscription = guest.Trace.Subscribe(follower.Tell);

        // Who has the headers misses no event from then on.
        await context.WriteResponseHeadersAsync([]);
        await follower.RunAsync(
            DrainAsync,
            (ended, callEnd) => responseStream.WriteAsync(new() { GuestEnded = ended }, callEnd),
            request.OnlyPresent,
            context.CancellationToken);

        async Task DrainAsync(CancellationToken callEnd)
        {
            while (next <= end && Read(guest.Trace, ref next, end) is { } lines)
            {
                await responseStream.WriteAsync(new() { Lines = lines }, callEnd);
            }
        }
    }

    // The next message from a sequence number on, which it moves; null: there is nothing at the moment.
    private static TraceLines? Read(GuestTrace trace, ref ulong next, ulong end)
    {
        IReadOnlyList<TraceEvent> events = trace.Read(next, LinesPerMessage, out ulong lost);
        if (events.Count == 0)
        {
            return null;
        }

        next = events[^1].Sequence + 1;
        var lines = new TraceLines { Lost = lost };
        lines.Lines.AddRange(events.Where(e => e.Sequence <= end).Select(Write));
        return lines;
    }

    private static TraceLine Write(TraceEvent happened) => new()
    {
        Sequence = happened.Sequence,
        TimeNanoseconds = (ulong)happened.Time.Ticks * 100,
        Cpu = happened.Cpu,
        Task = happened.Task,
        Pid = happened.Pid,
        Name = happened.Name,
        Text = happened.Text,
        Line = happened.Line,
    };
}
