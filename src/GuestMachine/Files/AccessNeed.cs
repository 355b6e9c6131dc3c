namespace CocoGuest.Machine.Files;

/// <summary>What the VFS asks of an fd's access mode before it looks at the file; without it EBADF.</summary>
internal enum AccessNeed
{
    Nothing,
    Reading,
    Writing,
}
