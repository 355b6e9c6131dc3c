namespace CocoGuest.Machine.DmaBufs;

/// <summary>What Attach gives.</summary>
/// <param name="Attachment">Id of the attachment, valid for the process that made it.</param>
/// <param name="Size">Bytes of the buffer.</param>
public readonly record struct ImportedBuffer(ulong Attachment, ulong Size);
