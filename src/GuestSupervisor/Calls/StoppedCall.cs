using CocoGuest.Machine.Abi;
using CocoGuest.Supervisor.Seccomp;
using CocoGuest.Supervisor.Target;

namespace CocoGuest.Supervisor.Calls;

/// <summary>
/// One stopped system call: its arguments, the memory that they point to, and the ways to end it. Exactly one of <see cref="Continue"/>,
/// <see cref="Return(long)"/> and <see cref="Fail"/> ends it, now or later.
/// </summary>
internal sealed class StoppedCall(NotifyChannel channel, Notification notification, CallLog log)
{
    private Notification _notification = notification;

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

    /// <summary>True while the thread still waits: what was read of its memory was its own.</summary>
    public bool IsWaiting => channel.IsWaiting(Id);

    /// <summary>Not ours: the kernel goes on with it.</summary>
    public void Continue() => channel.Continue(Id);

    /// <summary>It succeeds.</summary>
    public void Return(long value)
    {
        log.Add(this, Errno.None);
        channel.Return(Id, value);
    }

    /// <summary>It fails.</summary>
    public void Fail(Errno errno)
    {
        log.Add(this, errno);
        channel.Fail(Id, errno);
    }

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
}
