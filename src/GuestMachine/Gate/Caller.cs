namespace CocoGuest.Machine.Gate;

/// <summary>
/// Who calls into a guest, as far as the gate, fault injection and trace need to know: the kernel's <c>current</c>.
/// </summary>
public abstract class Caller
{
    private protected Caller(GuestGate gate, uint pid, string name)
    {
        Gate = gate;
        Pid = pid;
        Name = name;
    }

    /// <summary>A number for people, from 1 (init) up.</summary>
    public uint Pid { get; }

    /// <summary>A name for people.</summary>
    public string Name { get; }

    /// <summary>False once the process exited or was killed.</summary>
    public bool Alive { get; internal set; } = true;

    /// <summary>The gate of the guest that the caller belongs to.</summary>
    internal GuestGate Gate { get; }

    /// <summary>/proc/self/fail-nth: counts down at fault points; the one that makes it 0 fails.</summary>
    internal uint FailNth { get; set; }

    /// <summary>How often fail-nth hit.</summary>
    internal ulong FailNthHits { get; set; }
}
