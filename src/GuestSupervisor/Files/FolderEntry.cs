namespace CocoGuest.Supervisor.Files;

/// <summary>An entry of a folder.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Inode">Inode number.</param>
/// <param name="Type">DT_* value.</param>
internal sealed record FolderEntry(string Name, ulong Inode, byte Type)
{
    /// <summary>DT_DIR.</summary>
    public const byte Directory = 4;
}
