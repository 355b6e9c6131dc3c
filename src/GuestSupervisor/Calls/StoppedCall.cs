using CocoGuest.Machine.Abi;
using CocoGuest.Supervisor.Files;
using CocoGuest.Supervisor.Seccomp;
using CocoGuest.Supervisor.Target;

namespace CocoGuest.Supervisor.Calls;

/// <summary>
/// One stopped system call: its arguments, the memory that they point to, and the ways to end it. Exactly one of <see cref="Continue"/>,
/// <see cref="Return(long)"/> and <see cref="Fail"/> ends it, now or later.
/// </summary>
/// <remarks>
/// What it reads of its program's memory it reads before the lock is taken (<see cref="PathAt"/>), and what it writes there it writes when
/// the lock was let go (<see cref="After"/>): memory can make who touches it wait.
/// </remarks>
internal sealed class StoppedCall(NotifyChannel channel, Notification notification, CallLog log)
{
    private Notification _notification = notification;
    private readonly (bool Read, string? Path)[] _paths = new (bool, string?)[3];
    private (int Fd, EmulatedFile? File)? _looked;
    private Action? _after;
    private volatile int _turn;

    /// <summary>The call's cookie.</summary>
    public ulong Id => _notification.Id;

    /// <summary>The thread that made it.</summary>
    public int Tid => _notification.Tid;

    /// <summary>Which call.</summary>
    public SystemCall Call => _notification.Call;

    /// <summary>Where it was made.</summary>
    public ulong InstructionPointer => _notification.InstructionPointer;

    /// <summary>The caller's memory.</summary>
    public TargetMemory Memory { get; } = new(notification.Tid);

    /// <summary>The listener.</summary>
    public NotifyChannel Channel => channel;

    /// <summary>An argument as it is.</summary>
    public ulong this[int index] => _notification[index];

    /// <summary>An argument that is an int.</summary>
    public int Int(int index) => _notification.Int(index);

    /// <summary>An argument that is an unsigned int.</summary>
    public uint UInt(int index) => _notification.UInt(index);

    /// <summary>Where its path leads, found before the lock was taken; null: the call is about an fd.</summary>
    public CallPlace? Place { get; set; }

    /// <summary>O_* bits of an open.</summary>
    public uint OpenFlags { get; set; }

    /// <summary>What a poll asks for, read before the lock was taken.</summary>
    public PollRequest? Poll { get; set; }

    /// <summary>The path in an argument, 0 to 2, read once; null: it faults or is too long.</summary>
    public string? PathAt(int index)
    {
        if (!_paths[index].Read)
        {
            _paths[index] = (true, Memory.ReadPath(this[index]));
        }

        return _paths[index].Path;
    }

    /// <summary>True while the thread still waits: what was read of its memory was its own.</summary>
    public bool IsWaiting => channel.IsWaiting(Id);

    /// <summary>The emulated file behind a number in the caller's table, or null; looked up once for all that the call does.</summary>
    public EmulatedFile? FileAt(int fd, FileBoard files)
    {
        if (_looked is not { } known || known.Fd != fd)
        {
            _looked = known = (fd, files.Find(Tid, fd));
        }

        return known.File;
    }

    /// <summary>To be done when the lock was let go.</summary>
    public void After(Action rest) => _after = rest;

    /// <summary>Ends with bytes in the caller's memory and a value, or with EFAULT.</summary>
    public void EndWith(ulong address, ReadOnlySpan<byte> bytes, long value = 0)
    {
        byte[] copy = bytes.ToArray();
        After(() =>
        {
            if (Memory.TryWrite(address, copy))
            {
                Return(value);
            }
            else
            {
                Fail(Errno.EFAULT);
            }
        });
    }

    /// <summary>
    /// This thread handles the call under the lock: answers that it gives from now on are sent by <see cref="Finish"/>, when all that the
    /// call made ready is ready.
    /// </summary>
    public void Begin() => _turn = Environment.CurrentManagedThreadId;

    /// <summary>The lock was let go.</summary>
    public void Finish()
    {
        _turn = 0;
        _after?.Invoke();
    }

    /// <summary>Not ours: the kernel goes on with it.</summary>
    public void Continue() => Send(() => channel.Continue(Id));

    /// <summary>It succeeds.</summary>
    public void Return(long value)
    {
        log.Add(this, Errno.None);
        Send(() => channel.Return(Id, value));
    }

    /// <summary>It fails.</summary>
    public void Fail(Errno errno)
    {
        log.Add(this, errno);
        Send(() => channel.Fail(Id, errno));
    }

    /// <summary>A signal ends it before it is over; whether it begins again, the kernel decides.</summary>
    public void Interrupt(Interruption how) => Send(() => channel.Fail(Id, (Errno)(int)how));

    /// <summary>It ends as the machine says.</summary>
    public void End(Failure? failure)
    {
        if (failure is null)
        {
            Return(0);
        }
        else
        {
            Fail(failure.Errno);
        }
    }

    /// <summary>It ends as the machine says.</summary>
    public void End(Result<long> result)
    {
        if (result.Ok)
        {
            Return(result.Value);
        }
        else
        {
            Fail(result.Failure.Errno);
        }
    }

    // Others may answer, too, and at once: who signals what it waits for.
    private void Send(Action answer)
    {
        if (_turn == Environment.CurrentManagedThreadId)
        {
            _after = answer;
        }
        else
        {
            answer();
        }
    }
}
