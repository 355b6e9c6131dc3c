using CocoGuest.Machine.Abi;

namespace CocoGuest.Tests.Machine.Properties.Model;

/// <summary>An attachment; addresses and direction are those of its live mapping.</summary>
internal sealed record ModelAttachment(
    uint Pid, ulong Id, ulong Inode, ModelDevice Device, bool Mapped, bool Bounced, DmaDirection Direction, IReadOnlyList<ulong> Addresses);
