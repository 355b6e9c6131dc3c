using CocoGuest.Machine.Abi;

namespace CocoGuest.Machine.Gate;

/// <summary>
/// A call that has entered a guest (<see cref="GuestGate.Enter()"/>): the guest's lock is held until this is disposed.
/// </summary>
internal readonly ref struct CallScope
{
    private readonly Lock.Scope _held;

    internal CallScope(Lock.Scope held, Failure? refused)
    {
        _held = held;
        Refused = refused;
    }

    /// <summary>Why the call goes no further; null when it may.</summary>
    public Failure? Refused { get; }

    /// <summary>Releases the lock.</summary>
    public void Dispose() => _held.Dispose();
}
