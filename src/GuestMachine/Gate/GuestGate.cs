using CocoGuest.Machine.Abi;

namespace CocoGuest.Machine.Gate;

/// <summary>
/// The one lock of a guest, whether the guest lives, and whose call runs.
/// Models: <c>current</c>, the task that the kernel's fault injection and trace look at.
/// Does not model: several CPUs in the kernel at once.
/// </summary>
/// <param name="guestName">The guest's name, for error sentences.</param>
/// <remarks>
/// The lock orders all control operations, so a guest is deterministic: the same shape, seed and order of calls give the same addresses,
/// bytes and errnos. It may be taken again by who holds it. Bulk copies run outside it, on pinned memory.
/// </remarks>
internal sealed class GuestGate(string guestName)
{
    private readonly Lock _lock = new();

    /// <summary>How the guest ended; null while it runs.</summary>
    public string? EndReason { get; private set; }

    /// <summary>Whether nothing of the guest is left.</summary>
    public bool IsDestroyed { get; private set; }

    /// <summary>Whose call runs; null for the host's, or one without a process.</summary>
    public Caller? Current { get; private set; }

    /// <summary>Whether this thread holds the lock.</summary>
    public bool IsHeld => _lock.IsHeldByCurrentThread;

    /// <summary>How often the lock was taken by who did not have it: what the guest costs its callers.</summary>
    public ulong TimesTaken { get; private set; }

    /// <summary>Takes the lock and nothing else.</summary>
    public Lock.Scope Hold()
    {
        bool again = _lock.IsHeldByCurrentThread;
        Lock.Scope held = _lock.EnterScope();
        TimesTaken += again ? 0UL : 1;
        return held;
    }

    /// <summary>Takes the lock for a call that no process makes: the host's, or one that makes a process.</summary>
    /// <returns>The scope to dispose; it refuses with EOWNERDEAD once the guest ended.</returns>
    public CallScope Enter()
    {
        Lock.Scope held = Hold();
        return new CallScope(held, Begin());
    }

    /// <summary>Takes the lock for a call of a process.</summary>
    /// <returns>As <see cref="Enter()"/>; it also refuses with ENOENT for a process that is gone or another guest's.</returns>
    public CallScope Enter(Caller caller)
    {
        Lock.Scope held = Hold();
        return new CallScope(held, Begin(caller));
    }

    /// <summary>What <see cref="Enter()"/> checks and notes, for a call whose thread holds the lock already.</summary>
    public Failure? Begin()
    {
        Current = null;
        return EndReason is null ? null : Ended();
    }

    /// <summary>What <see cref="Enter(Caller)"/> checks and notes, for a call whose thread holds the lock already.</summary>
    public Failure? Begin(Caller caller)
    {
        Current = caller;
        return EndReason is not null ? Ended()
            : CheckOwn(caller) is { } foreign ? foreign
            : caller.Alive ? null
            : new Failure(Errno.ENOENT, "find_process", "check life", $"Process {caller.Pid} ({caller.Name}) is gone.", "process");
    }

    /// <summary>ENOENT for a process of another guest: what it holds is not of this guest's memory.</summary>
    public Failure? CheckOwn(Caller caller) =>
        ReferenceEquals(caller.Gate, this)
            ? null
            : new Failure(Errno.ENOENT, "find_process", "check guest",
                $"Process {caller.Pid} is not a process of guest {guestName}.", "process");

    /// <summary>EOWNERDEAD once the guest is destroyed; one that terminated itself is still seen by the host.</summary>
    public Failure? CheckNotDestroyed() => IsDestroyed ? Ended() : null;

    /// <summary>The guest ends. False when it had ended already: the first reason stays.</summary>
    public bool End(string reason)
    {
        if (EndReason is not null)
        {
            return false;
        }

        EndReason = reason;
        return true;
    }

    /// <summary>The guest ends, and from now on not even the host may look at it.</summary>
    /// <returns>As <see cref="End"/>.</returns>
    public bool Destroy(string reason)
    {
        IsDestroyed = true;
        return End(reason);
    }

    private Failure Ended() => new(Errno.EOWNERDEAD, "find_guest", "check life", $"Guest {guestName} is gone: {EndReason}.", "guest");
}
