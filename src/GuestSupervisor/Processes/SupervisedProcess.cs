using CocoGuest.Machine.Files;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Supervisor.Processes;

/// <summary>A host process that runs as a process of the guest.</summary>
/// <param name="pid">Its pid in the host.</param>
/// <param name="machine">What it is in the machine.</param>
/// <param name="handle">Its pidfd.</param>
internal sealed class SupervisedProcess(int pid, GuestProcess machine, SafeFileHandle handle)
{
    /// <summary>Its pid in the host.</summary>
    public int Pid { get; } = pid;

    /// <summary>What it is in the machine.</summary>
    public GuestProcess Machine { get; } = machine;

    /// <summary>Its pidfd.</summary>
    public SafeFileHandle Handle { get; } = handle;

    /// <summary>True once it called exit: what it has open it does not use any more.</summary>
    public bool Exits { get; set; }

    /// <summary>True while the machine keeps numbers of its free that others' files have.</summary>
    public bool HasBlockedNumbers { get; set; }

    /// <summary>Key of the wait for its end.</summary>
    public ulong EndWatch { get; set; }
}
