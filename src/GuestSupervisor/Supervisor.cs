using CocoGuest.Linux.Events;
using CocoGuest.Linux.Files;
using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;
using CocoGuest.Supervisor.Calls;
using CocoGuest.Supervisor.Files;
using CocoGuest.Supervisor.Launch;
using CocoGuest.Supervisor.Processes;
using CocoGuest.Supervisor.Reports;
using CocoGuest.Supervisor.Seccomp;
using CocoGuest.Supervisor.Target;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Supervisor;

/// <summary>
/// Runs real processes as processes of a guest. The seccomp filter of the program stops the calls that may concern the guest; here they are
/// answered, by the machine where they are the guest's, by "continue" where they are not.
/// </summary>
/// <remarks>
/// <para>Each stopped call has a thread of its own from the moment it was taken to its answer (<see cref="CallReceivers"/>). What may wait
/// for the program (its memory, its folders) is done there without a lock; handlers then take turns, with those of other runs of the guest
/// (<see cref="GuestRuns"/>), so none needs a lock against another. A call that waits for fences is answered later, by whoever
/// signals.</para>
/// <para>Emulated files are host files (memfds, pipes), and the host's kernel counts their references, whatever programs do with them: dup,
/// fork, exec, SCM_RIGHTS, exit. <see cref="FileBoard"/> hears of the end. So a lost event cannot make the machine and the program disagree
/// on what is open; the machine's own tables are brought up to date by <see cref="Mirror"/> when somebody looks.</para>
/// <para>Memory of private buffers goes to real processes of this guest only, here and nowhere else (R4 of docs/architecture.md).</para>
/// <para>Does not model: symbolic links of the host that lead into a guest's folder, other architectures.</para>
/// </remarks>
internal sealed class Supervisor : IDisposable
{
    private readonly NotifyChannel _channel;
    private readonly EventSet _events = new();
    private readonly FileBoard _files;
    private readonly ProcessBoard _processes;
    private readonly Mirror _mirror;
    private readonly TracePump _trace;
    private readonly Dictionary<SystemCall, Action<StoppedCall>> _handlers;
    private readonly Dictionary<SystemCall, Func<StoppedCall, bool>> _before = [];
    private Action<StoppedCall> _foreign = static call => call.Fail(Errno.ENOSYS);
    private readonly List<Leak> _leaks = [];
    private readonly Guest _guest;
    private readonly EpollCalls _epoll;
    private readonly CallLog _log = new();
    private readonly WaitingCalls _waits = new();
    private readonly Action<string> _say;
    private readonly GuestRuns _runs;
    private readonly ulong _filesKey;
    private ulong _taken;
    private volatile bool _stopped;
    private bool _left;

    /// <param name="guest">The guest.</param>
    /// <param name="listener">The listener of the program's filter; the supervisor closes it.</param>
    /// <param name="root">The program's first process.</param>
    /// <param name="options">How it is run.</param>
    /// <param name="say">Told what a person should know.</param>
    public Supervisor(Guest guest, SafeFileHandle listener, int root, RunOptions options, Action<string> say)
    {
        _guest = guest;
        _say = say;
        _channel = new NotifyChannel(listener);
        _runs = GuestRuns.Of(guest);
        _processes = new ProcessBoard(guest, _events, options);
        (_files, _mirror) = _runs.Join(guest, _processes, root);
        _filesKey = _events.Add(_files.Events.Handle, EventSet.Readable, _files.Events.Dispatch);
        _trace = new TracePump(guest, _events);
        var context = new HandlerContext(guest, options, _files, _processes, _mirror, _runs.Gate, _waits);
        _epoll = new EpollCalls(context);
        _handlers = Handlers(context, say);
        _files.Gone += NoteLeak;
        _files.Gone += _epoll.Forget;
        _processes.Ended += Forget;
        guest.Natives.Refreshing += Refresh;
    }

    /// <summary>Stopped calls so far.</summary>
    public ulong Stopped => Interlocked.Read(ref _taken);

    /// <summary>What the guest answered, in order.</summary>
    public CallLog Log => _log;

    /// <summary>Processes that have touched the guest.</summary>
    public int Processes => _processes.Total;

    /// <summary>What was never closed.</summary>
    public IReadOnlyList<Leak> Leaks => _leaks;

    /// <summary>True where the kernel wakes caller and supervisor synchronously.</summary>
    public bool WakesOnSameCpu => _channel.WakesOnSameCpu;

    /// <summary>Another fd to wait for, on the supervisor's thread.</summary>
    public void Watch(SafeFileHandle file, Action ready) => _events.Add(file, EventSet.Readable, ready);

    /// <summary>Serves until <see cref="Stop"/> or until no process has the filter any more.</summary>
    public void Serve()
    {
        new CallReceivers(_channel, Handle).Start();
        bool over = false;
        while (!_stopped && !over)
        {
            (bool events, over) = Wait();
            lock (_runs.Gate)
            {
                if (events)
                {
                    _events.Dispatch();
                }
            }
        }
    }

    /// <summary>Ends <see cref="Serve"/>; from a callback on its thread.</summary>
    public void Stop() => _stopped = true;

    /// <summary>After the last process: hears of everything that was closed by its end.</summary>
    public void Settle()
    {
        lock (_runs.Gate)
        {
            _events.Dispatch();
            _files.TakeClosed();
        }
    }

    public void Dispose()
    {
        _guest.Natives.Refreshing -= Refresh;
        _waits.Dispose();
        _channel.Dispose();
        _trace.Dispose();
        lock (_runs.Gate)
        {
            _left = true;
            _events.Remove(_filesKey);
            _runs.Leave(_guest, _processes);
            _files.Gone -= NoteLeak;
            _files.Gone -= _epoll.Forget;
            _epoll.Dispose();
        }

        _events.Dispose();
    }

    private static Dictionary<SystemCall, Action<StoppedCall>> Others(
        FdCalls fds, NameCalls names, Dictionary<SystemCall, Action<StoppedCall>> handlers)
    {
        foreach (SystemCall call in NameCalls.All)
        {
            handlers.Add(call, names.Handle);
        }

        foreach (SystemCall call in FdCalls.ByTable)
        {
            handlers.Add(call, fds.HandleByTable);
        }

        return handlers;
    }

    private void Before(Func<StoppedCall, bool> prepare, params ReadOnlySpan<SystemCall> calls)
    {
        foreach (SystemCall call in calls)
        {
            _before.Add(call, prepare);
        }
    }

    private Dictionary<SystemCall, Action<StoppedCall>> Handlers(HandlerContext context, Action<string> say)
    {
        var open = new OpenCalls(context, _trace);
        var stat = new StatCalls(context);
        var fds = new FdCalls(context);
        var maps = new MapCalls(context);
        var program = new ProgramCalls(say);
        _foreign = program.Foreign;
        var ranges = new RangeCalls(context, _mirror);
        var poll = new PollCalls(context);
        var folders = new FolderCalls(context);
        var names = new NameCalls(context);
        Before(names.Prepare, [.. NameCalls.All]);
        Before(open.Prepare, SystemCall.Open, SystemCall.Openat, SystemCall.Openat2, SystemCall.Creat);
        Before(stat.PrepareStat, SystemCall.Stat, SystemCall.Lstat, SystemCall.Newfstatat, SystemCall.Statx);
        Before(stat.PrepareAccess, SystemCall.Access, SystemCall.Faccessat, SystemCall.Faccessat2);
        Before(stat.PrepareAttribute, SystemCall.Getxattr, SystemCall.Lgetxattr, SystemCall.Listxattr, SystemCall.Llistxattr);
        Before(stat.PrepareLink, SystemCall.Readlink, SystemCall.Readlinkat);
        Before(folders.Prepare, SystemCall.Getdents64);
        Before(PollCalls.Prepare, SystemCall.Poll, SystemCall.Ppoll);
        Before(IoctlCalls.Prepare, SystemCall.Ioctl);
        Before(EpollCalls.Prepare, SystemCall.EpollCtl);
        return Others(fds, names, new()
        {
            [SystemCall.Open] = open.Handle,
            [SystemCall.Openat] = open.Handle,
            [SystemCall.Openat2] = open.Handle,
            [SystemCall.Creat] = open.Handle,
            [SystemCall.Stat] = stat.Stat,
            [SystemCall.Lstat] = stat.Stat,
            [SystemCall.Newfstatat] = stat.Stat,
            [SystemCall.Statx] = stat.Stat,
            [SystemCall.Fstat] = stat.Fstat,
            [SystemCall.Access] = stat.Access,
            [SystemCall.Faccessat] = stat.Access,
            [SystemCall.Faccessat2] = stat.Access,
            [SystemCall.Getxattr] = stat.Attribute,
            [SystemCall.Lgetxattr] = stat.Attribute,
            [SystemCall.Listxattr] = stat.Attribute,
            [SystemCall.Llistxattr] = stat.Attribute,
            [SystemCall.Readlink] = stat.ReadLink,
            [SystemCall.Readlinkat] = stat.ReadLink,
            [SystemCall.Ioctl] = new IoctlCalls(context).Handle,
            [SystemCall.Mmap] = maps.Map,
            [SystemCall.Getdents64] = folders.Read,
            [SystemCall.Lseek] = fds.Seek,
            [SystemCall.Fcntl] = fds.Control,
            [SystemCall.Dup] = fds.Dup,
            [SystemCall.Fchdir] = fds.ChangeFolder,
            [SystemCall.Fchmod] = fds.ChangeMode,
            [SystemCall.Fchown] = fds.ChangeOwner,
            [SystemCall.Fstatfs] = fds.FileSystem,
            [SystemCall.Sendfile] = fds.Transfer,
            [SystemCall.Splice] = fds.Transfer,
            [SystemCall.CopyFileRange] = fds.Transfer,
            [SystemCall.Mprotect] = ranges.Protect,
            [SystemCall.Madvise] = ranges.Advise,
            [SystemCall.Mremap] = ranges.Remap,
            [SystemCall.Msync] = ranges.Sync,
            [SystemCall.Mincore] = ranges.Resident,
            [SystemCall.ProcessVmReadv] = ranges.ForeignAccess,
            [SystemCall.ProcessVmWritev] = ranges.ForeignAccess,
            [SystemCall.Vmsplice] = ranges.Gift,
            [SystemCall.Poll] = poll.Handle,
            [SystemCall.Ppoll] = poll.Handle,
            [SystemCall.EpollCtl] = _epoll.Handle,
            [SystemCall.Seccomp] = program.OwnListener,
            [SystemCall.ExitGroup] = Exit,
        });
    }

    // On the call's own thread.
    private void Handle(Notification notification)
    {
        Interlocked.Increment(ref _taken);
        var call = new StoppedCall(_channel, notification, _log);
        try
        {
            if (notification.Architecture != Architecture.X8664)
            {
                _foreign(call);
            }
            else if (!_before.TryGetValue(call.Call, out Func<StoppedCall, bool>? before) || before(call))
            {
                HandleInTurn(call);
                call.Finish();
            }
        }
        catch (ObjectDisposedException) when (_left || !IsWaiting(call))
        {
            // The run or the process is over: nobody waits for the answer.
        }
        catch (Exception e)
        {
            // A fault of ours must not leave the program's thread waiting for ever.
            _say($"{call.Call} of thread {call.Tid} failed here, not in the guest; it gets EIO: {e}");
            call.Fail(Errno.EIO);
            call.Finish();
        }
    }

    private static bool IsWaiting(StoppedCall call)
    {
        try
        {
            return call.IsWaiting;
        }
        catch (ObjectDisposedException)
        {
            return false;
        }
    }

    private void HandleInTurn(StoppedCall call)
    {
        lock (_runs.Gate)
        {
            if (_left)
            {
                call.Fail(Errno.ENOSYS);
                return;
            }

            // What the program did before this call comes first: closes and ends of processes.
            _events.Dispatch();
            call.Place = call.Place?.Anew(_guest.Tree);
            call.Begin();
            call.Memory.Bound();
            try
            {
                _handlers.GetValueOrDefault(call.Call, static c => c.Continue())(call);
            }
            finally
            {
                call.Memory.Unbound();
            }

            _trace.Run();
        }
    }

    // What the process still has is what it never closed, unless others have it, too: then it is theirs to close.
    private void Exit(StoppedCall call)
    {
        if (_processes.Find(_processes.PidOf(call.Tid)) is { } process)
        {
            process.Exits = true;
            _files.TakeClosed();
            foreach ((EmulatedFile file, LeftOpen left) in _mirror.HoldingsOf(process.Pid))
            {
                file.LeftOpen = _runs.IsUsed(file) ? null : left;
            }
        }

        call.Continue();
    }

    private void NoteLeak(EmulatedFile file)
    {
        if (file.LeftOpen is { } left)
        {
            _leaks.AddRange(_processes.Knew(left.Pid) ? [new Leak(Describe(file), file.Origin, left)] : []);
        }
        else if (!_stopped && _processes.Find(file.Origin.Pid) is { } maker && ProcFolder.IsEnding(maker.Pid))
        {
            _leaks.Add(new Leak(Describe(file), file.Origin, null));
        }
    }

    // Files that outlive the process were somebody else's, too.
    private void Forget(SupervisedProcess process)
    {
        _files.TakeClosed();
        foreach (EmulatedFile file in _files.All.Where(f => f.LeftOpen?.Pid == process.Pid))
        {
            file.LeftOpen = null;
        }
    }

    private void Refresh()
    {
        lock (_runs.Gate)
        {
            // Who asks may have begun before the run was over.
            if (!_left)
            {
                _mirror.Refresh();
            }
        }
    }

    private static string Describe(EmulatedFile file) => file switch
    {
        { Folder: { } folder } => $"folder {folder.Path}",
        { Machine: { Kind: FileKind.DmaBuf } buffer } => $"dma-buf {buffer.Inode} of {buffer.Size} bytes",
        _ => $"{file.Machine!.Kind}",
    };

    private (bool Events, bool Over) Wait()
    {
        using var events = new BorrowedFd(_events.Handle);
        using var listener = new BorrowedFd(_channel.Handle);
        Span<PollFd> fds =
        [
            new PollFd { Fd = events.Number, Events = Readiness.Readable },
            new PollFd { Fd = listener.Number, Events = Readiness.None },
        ];
        return HostPoll.Wait(fds, HostPoll.Infinite) <= 0
            ? default
            : (fds[0].Revents != 0, (fds[1].Revents & Readiness.HungUp) != 0);
    }
}
