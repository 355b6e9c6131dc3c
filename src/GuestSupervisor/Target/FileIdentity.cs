namespace CocoGuest.Supervisor.Target;

/// <summary>What the host's kernel knows a file by: no two open files of the supervisor share it while both live.</summary>
/// <param name="Device">st_dev.</param>
/// <param name="Inode">st_ino.</param>
internal readonly record struct FileIdentity(ulong Device, ulong Inode);
