namespace CocoGuest.Linux.Files;

/// <summary>What .NET does not tell of a file: its owner, whether it is a socket, and which file it is.</summary>
public static unsafe class UnixFiles
{
    private const uint TypeBits = 0xf000;
    private const uint ModeBits = 0xfff;

    /// <summary>Owner and type of a file, without following a link at its end.</summary>
    /// <returns>Null where there is none.</returns>
    public static UnixFileStatus? StatusOf(string path)
    {
        StatX status;
        return Libc.Statx(Libc.AtFdcwd, path, Libc.AtSymlinkNofollow, Libc.StatxType | Libc.StatxMode | Libc.StatxUid, &status) == 0
            ? new UnixFileStatus(status.Uid, (UnixFileType)(status.Mode & TypeBits), (UnixFileMode)(status.Mode & ModeBits))
            : null;
    }

    /// <summary>Which file has a name now, without following a link at its end.</summary>
    /// <returns>Null where there is none.</returns>
    public static UnixFileIdentity? IdentityOf(string path)
    {
        StatX status;
        return Libc.Statx(Libc.AtFdcwd, path, Libc.AtSymlinkNofollow, Libc.StatxIno, &status) == 0
            ? new UnixFileIdentity(((ulong)status.DeviceMajor << 32) | status.DeviceMinor, status.Inode)
            : null;
    }
}
