namespace CocoGuest.Machine.Fences;

/// <summary>One fence of a sync file, as SYNC_IOC_FILE_INFO tells it.</summary>
/// <param name="Timeline"><c>obj_name</c>.</param>
/// <param name="Driver"><c>driver_name</c>.</param>
/// <param name="Status">0 pending, 1 signalled, negative errno.</param>
/// <param name="TimestampNanoseconds">Guest time of the signal; 0 before.</param>
public sealed record SyncFenceInfo(string Timeline, string Driver, int Status, ulong TimestampNanoseconds);
