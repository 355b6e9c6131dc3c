namespace CocoGuest.Supervisor.Files;

/// <summary>
/// An open folder of the guest: its entries as they were at the open, and how far it was read. Or a symbolic link, opened by O_PATH: it
/// has none.
/// </summary>
/// <param name="Path">Absolute path.</param>
/// <param name="Entries">Names with inode and type; "." and ".." first.</param>
internal sealed record FolderListing(string Path, IReadOnlyList<FolderEntry> Entries)
{
    /// <summary>Index of the next entry.</summary>
    public int Position { get; set; }
}
