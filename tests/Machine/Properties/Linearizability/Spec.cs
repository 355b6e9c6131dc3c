using System.Collections.Immutable;
using CocoGuest.Machine.Abi;

namespace CocoGuest.Tests.Machine.Properties.Linearizability;

/// <summary>
/// What a process with one mapped private buffer does, one call after another. Immutable, so that all orders can be tried from one state.
/// </summary>
/// <param name="Memory">The 8 bytes in the buffer.</param>
/// <param name="Slot">The 8 bytes in the bounce slot, where they stay after the unmap (S-SWI-35).</param>
/// <param name="Mapped">The attachment is mapped.</param>
/// <param name="Attached">The attachment exists.</param>
/// <param name="Token">The share token is in flight.</param>
/// <param name="Fds">Open fds, and whether each is of the mapped buffer.</param>
internal sealed record Spec(ulong Memory, ulong Slot, bool Mapped, bool Attached, bool Token, ImmutableSortedDictionary<int, bool> Fds)
{
    /// <summary>The fd that a process gets first.</summary>
    public const int FirstFd = 3;

    /// <summary>At the beginning of each history.</summary>
    public static Spec Start { get; } = new(0, 0, true, true, true, ImmutableSortedDictionary<int, bool>.Empty.Add(FirstFd, true));

    /// <summary>The state after a call, and its answer.</summary>
    public (Spec After, Answer Answer) Apply(Act act) => act.Kind switch
    {
        ActKind.Store => (this with { Memory = act.Value }, Errno.None),
        ActKind.Load => (this, new Answer(Errno.None, Memory)),
        ActKind.DmaWrite => (this with { Slot = act.Value }, Errno.None),
        ActKind.DmaRead => (this, new Answer(Errno.None, Slot)),
        ActKind.SyncBegin => Synced(this with { Memory = Slot }),
        ActKind.SyncEnd => Synced(this with { Slot = Memory }),
        ActKind.Unmap => Mapped ? (this with { Memory = Slot, Mapped = false }, Errno.None) : (this, Errno.EINVAL),
        ActKind.Detach when Mapped => (this, Errno.EBUSY),
        ActKind.Detach => Attached ? (this with { Attached = false }, Errno.None) : (this, Errno.EINVAL),
        ActKind.Allocate => (this with { Fds = Fds.Add(LowestFd, false) }, new Answer(Errno.None, (ulong)LowestFd)),
        ActKind.Release => Fds.ContainsKey(FirstFd) ? (this with { Fds = Fds.Remove(FirstFd) }, Errno.None) : (this, Errno.EBADF),
        _ => Token
            ? (this with { Fds = Fds.Add(LowestFd, true), Token = false }, new Answer(Errno.None, (ulong)LowestFd))
            : (this, Errno.ENOENT),
    };

    private int LowestFd => Enumerable.Range(FirstFd, int.MaxValue - FirstFd).First(fd => !Fds.ContainsKey(fd));

    // The first fd may be another buffer's by now, which nobody has mapped.
    private (Spec After, Answer Answer) Synced(Spec copied) =>
        !Fds.TryGetValue(FirstFd, out bool ours) ? (this, Errno.EBADF) : (ours && Mapped ? copied : this, Errno.None);
}
