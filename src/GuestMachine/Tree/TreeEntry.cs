namespace CocoGuest.Machine.Tree;

/// <summary>An entry of a folder, as getdents tells it; "." and ".." are the caller's.</summary>
/// <param name="Name">Name.</param>
/// <param name="Inode">Inode number, the same that stat tells.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Type">d_type: DT_CHR 2, DT_DIR 4, DT_REG 8, DT_LNK 10.</param>
public readonly record struct TreeEntry(string Name, ulong Inode, TreeKind Kind, byte Type);
