using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Devices;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Fences;
using CocoGuest.Machine.Mappings;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine.Files;

/// <summary>
/// A process of the guest: fd table, address space, attachments and devices. What it holds dies with it (<see cref="GuestProcesses"/>).
/// </summary>
public sealed class GuestProcess
{
    internal GuestProcess(Guest guest, Handle128 handle, Handle128 secret, uint pid, string name, GuestLimits limits)
    {
        Guest = guest;
        Handle = handle;
        Secret = secret;
        Pid = pid;
        Name = name;
        Fds = new FdTable(limits.FdsPerProcess);
        Addresses = new AddressSpace(limits.MappingsPerProcess);
    }

    /// <summary>The guest that the process runs in.</summary>
    public Guest Guest { get; }

    /// <summary>Random handle: whoever has it acts as the process.</summary>
    public Handle128 Handle { get; }

    /// <summary>Random secret that takes a process over again after a broken connection.</summary>
    public Handle128 Secret { get; }

    /// <summary>A number for people, from 1 (init) up.</summary>
    public uint Pid { get; }

    /// <summary>A name for people.</summary>
    public string Name { get; }

    /// <summary>False once the process exited or was killed.</summary>
    public bool Alive { get; internal set; } = true;

    /// <summary>A process of the host stands behind it: its fds and mappings are a mirror (<c>GuestNatives</c>).</summary>
    public bool IsNative { get; internal set; }

    /// <summary>/proc/self/fail-nth: counts down at fault points; the one that makes it 0 fails.</summary>
    internal uint FailNth { get; set; }

    /// <summary>How often fail-nth hit.</summary>
    internal ulong FailNthHits { get; set; }

    /// <summary>User of the process; 0 is root.</summary>
    public uint Uid { get; internal set; }

    /// <summary>Group of the process.</summary>
    public uint Gid { get; internal set; }

    /// <summary>
    /// /proc/self/oom_score_adj. A process with a value above 0 may be killed when memory runs out, the highest first; others are spared.
    /// </summary>
    public int OomScoreAdj { get; internal set; }

    /// <summary>Number of the signal that killed it, or null.</summary>
    public int? KilledBy { get; internal set; }

    /// <summary>Its memory cgroup; children made by fork are in the same.</summary>
    public MemoryCgroup Cgroup { get; internal set; } = new();

    /// <summary>Resource limits; set by <see cref="GuestProcesses.SetLimits"/>.</summary>
    public ProcessLimits Limits { get; internal set; } = new();

    /// <summary>Bytes that its drivers pinned and that count against <see cref="ProcessLimits.LockedBytes"/>.</summary>
    public ulong PinnedBytes { get; internal set; }

    internal FdTable Fds { get; }

    /// <summary>Fences that the process attached to buffers, as an open vgem file does.</summary>
    internal VgemFences? VgemFences { get; set; }

    /// <summary>Kernel mappings made for the process, by buffer.</summary>
    internal Dictionary<DmaBuf, uint> Vmaps { get; } = [];

    internal AddressSpace Addresses { get; }

    /// <summary>By id, which rises with time.</summary>
    internal Dictionary<ulong, Attachment> Attachments { get; } = [];

    /// <summary>What its drivers hold of the DMA API.</summary>
    internal Devices.DmaHoldings Dma { get; } = new();

    /// <summary>Devices in the order of registration.</summary>
    internal List<GuestDevice> Devices { get; } = [];
}
