using CocoGuest.Machine.Abi;

namespace CocoGuest.Machine.Files;

/// <summary>A call that is over only when something has happened; who made it waits outside the guest's lock.</summary>
public abstract class CallWait
{
    private protected CallWait(string operation) => Operation = operation;

    /// <summary>The call that waits.</summary>
    public string Operation { get; }

    /// <summary>Completes with null when the wait was successful, else with what ended it.</summary>
    public abstract Task<Failure?> Completion { get; }

    /// <summary>True once it is over.</summary>
    public bool Done { get; private protected set; }

    /// <summary>Ends the wait; under the lock. Once is enough.</summary>
    internal abstract void Complete(Failure? failure);
}
