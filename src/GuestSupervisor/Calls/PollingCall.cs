using System.Diagnostics;
using System.Runtime.InteropServices;
using CocoGuest.Linux.Events;
using CocoGuest.Linux.Processes;
using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Fences;
using CocoGuest.Supervisor.Processes;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Supervisor.Calls;

/// <summary>
/// A poll of dma-bufs that are not ready, and of other files of the program's, on duplicates: as in the kernel, the files live until the
/// poll is over.
/// </summary>
internal sealed class PollingCall : WaitingCall
{
    private readonly Guest _guest;
    private readonly SupervisedProcess _process;
    private readonly PollRequest _request;
    private readonly int[] _ours;
    private readonly PollEntry[] _asked;
    private readonly SafeFileHandle?[] _duplicates;
    private readonly PollFd[] _natives;
    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly Action _wake;
    private FenceWait? _wait;

    /// <param name="guest">The guest.</param>
    /// <param name="process">Who polls.</param>
    /// <param name="call">The call.</param>
    /// <param name="request">What it asks for.</param>
    /// <param name="ours">Which entries are dma-bufs.</param>
    /// <param name="asked">The same in the machine's words.</param>
    /// <param name="wake">Has this call looked after soon.</param>
    public PollingCall(
        Guest guest, SupervisedProcess process, StoppedCall call, PollRequest request, int[] ours, PollEntry[] asked, Action wake)
        : base(call, Interruption.NoHandler)
    {
        (_guest, _process, _request, _ours, _asked, _wake) = (guest, process, request, ours, asked, wake);
        _duplicates = [.. request.Entries.Select((e, i) => ours.Contains(i) || e.Fd < 0 ? null : PidFd.TakeFd(process.Handle, e.Fd))];
        // The handles live until the call is over.
        _natives =
        [
            .. request.Entries.Select((e, i) => new PollFd { Fd = NumberOf(_duplicates[i]), Events = e.Events }),
        ];
    }

    /// <summary>What is waited for in the host.</summary>
    public IEnumerable<PollFd> Fds => _natives.Where(static n => n.Fd >= 0);

    /// <summary>Until its time is over.</summary>
    public int MillisecondsLeft => _request.Timeout < 0
        ? int.MaxValue
        : (int)Math.Max(0, _request.Timeout - (long)Stopwatch.GetElapsedTime(_start).TotalMilliseconds);

    /// <inheritdoc/>
    public override void Look()
    {
        PollFd[] seen = [.. _natives];
        bool ready = HostPoll.Wait(seen, 0) > 0;
        Result<PollAnswer> answer = _guest.Fences.Poll(_process.Machine, _asked, TimeSpan.Zero);
        if ((ready || !answer.Ok || answer.Value.Ready != 0 || MillisecondsLeft == 0) && TryEnd())
        {
            End(seen, answer);
        }
        else if (!IsOver)
        {
            WaitAgain();
            base.Look();
        }
    }

    /// <inheritdoc/>
    protected override void Ended()
    {
        if (_wait is { } wait)
        {
            _guest.Fences.Interrupt(wait);
        }

        foreach (SafeFileHandle? duplicate in _duplicates)
        {
            duplicate?.Dispose();
        }
    }

    private static int NumberOf(SafeFileHandle? handle) => handle is null ? -1 : (int)handle.DangerousGetHandle();

    // One fence of several has signalled, or none was asked about yet.
    private void WaitAgain()
    {
        if (_wait is { Completion.IsCompleted: false })
        {
            return;
        }

        Result<PollAnswer> answer = _guest.Fences.Poll(_process.Machine, _asked, Timeout.InfiniteTimeSpan);
        _wait = answer.Ok ? answer.Value.Wait : null;
        if (_wait is { } wait)
        {
            _ = wait.Completion.ContinueWith(_ => _wake(), TaskScheduler.Default);
        }
        else
        {
            _wake(); // it became ready in between
        }
    }

    // The program's memory may make who writes there wait, and others are looked after by this thread.
    private void End(PollFd[] seen, Result<PollAnswer> answer) => _ = Task.Factory.StartNew(
        () =>
        {
            PollFd[] entries = _request.Entries;
            for (int i = 0; i < entries.Length; i++)
            {
                entries[i].Revents = seen[i].Revents;
            }

            for (int i = 0; i < _ours.Length && answer.Ok; i++)
            {
                entries[_ours[i]].Revents = (Readiness)answer.Value.Events[i];
            }

            bool written = Call.Memory.TryWrite(Call[0], MemoryMarshal.AsBytes(entries.AsSpan()));
            Call.End(written ? entries.Count(e => e.Revents != 0) : Errno.EFAULT.AsFailure("poll", "fds"));
        },
        CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
}
