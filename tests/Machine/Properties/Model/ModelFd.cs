namespace CocoGuest.Tests.Machine.Properties.Model;

/// <summary>An open fd.</summary>
internal sealed record ModelFd(uint Pid, int Fd, ulong Inode);
