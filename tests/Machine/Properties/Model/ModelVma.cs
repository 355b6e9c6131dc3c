namespace CocoGuest.Tests.Machine.Properties.Model;

/// <summary>A mapping of a buffer in a process.</summary>
internal sealed record ModelVma(uint Pid, ulong Address, ulong Length, ulong Offset, ulong Inode, bool CopyOnWrite, bool Writable);
