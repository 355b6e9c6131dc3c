namespace CocoGuest.Linux.Files;

/// <summary>Which file it is, whatever its name: a name may be given to another file, and a file be given another name.</summary>
/// <param name="Device">The file system.</param>
/// <param name="Inode">The file on it. A number is given again once its file is gone, which an open socket's is not.</param>
public readonly record struct UnixFileIdentity(ulong Device, ulong Inode);
