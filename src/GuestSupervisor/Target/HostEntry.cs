using CocoGuest.Linux;

namespace CocoGuest.Supervisor.Target;

/// <summary>What stands at a path of the host, as lstat says, and where it leads if it is a link.</summary>
/// <param name="Mode">Type and permissions.</param>
/// <param name="Uid">Its owner.</param>
/// <param name="Gid">Its group.</param>
/// <param name="Link">Target of a symbolic link; null: it is none.</param>
/// <param name="IsOfProc">It lies in a procfs, whose links lead each reader elsewhere.</param>
internal sealed record HostEntry(uint Mode, uint Uid, uint Gid, string? Link, bool IsOfProc)
{
    private const uint TypeMask = 0xf000;
    private const uint Folder = 0x4000;

    /// <summary>A folder.</summary>
    public bool IsFolder => (Mode & TypeMask) == Folder;

    /// <summary>From what statx filled in.</summary>
    public static HostEntry Of(in StatX status, string? link, bool isOfProc) =>
        new(status.Mode, status.Uid, status.Gid, link, isOfProc);

    /// <summary>True if the type is that of a link.</summary>
    public static bool IsLink(uint mode) => (mode & TypeMask) == 0xa000;
}
