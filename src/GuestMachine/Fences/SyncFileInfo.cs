namespace CocoGuest.Machine.Fences;

/// <summary>What SYNC_IOC_FILE_INFO tells of a sync file.</summary>
/// <param name="Status">0 pending, 1 signalled, negative errno.</param>
/// <param name="Fences">Its fences.</param>
public sealed record SyncFileInfo(int Status, IReadOnlyList<SyncFenceInfo> Fences);
