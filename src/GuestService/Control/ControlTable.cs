using System.Collections.Frozen;

namespace CocoGuest.Service.Control;

/// <summary>
/// All operations of the control protocol. docs/protocol.md has the same table, and src/Clients/C/src/wire.h the numbers; tests compare.
/// </summary>
internal static class ControlTable
{
    private const int Data = ControlLimits.DataBytes;
    private const int Text = ControlLimits.TextBytes;

    /// <summary>The rows by number.</summary>
    public static FrozenDictionary<ControlOperation, ControlRow> Rows { get; } = new ControlRow[]
    {
        new(ControlOperation.Hello, 8, 0, false, ControlProcessCalls.Hello),
        new(ControlOperation.OpenProcess, 2 * Text, 0, false, ControlProcessCalls.OpenProcess),
        new(ControlOperation.ListHeaps, 0, 0, true, ControlProcessCalls.ListHeaps),
        new(ControlOperation.AllocateBuffer, Text + 24, 0, true, ControlBufferCalls.AllocateBuffer),
        new(ControlOperation.Mmap, 32, 0, true, ControlMemoryCalls.Mmap),
        new(ControlOperation.Munmap, 8, 0, true, ControlMemoryCalls.Munmap),
        new(ControlOperation.Load, 16, 0, true, ControlMemoryCalls.Load),
        new(ControlOperation.Store, 8, Data, true, ControlMemoryCalls.Store),
        new(ControlOperation.SyncBuffer, 16, 0, true, ControlBufferCalls.SyncBuffer),
        new(ControlOperation.SetBufferName, 8 + Text, 0, true, ControlBufferCalls.SetBufferName),
        new(ControlOperation.StatBuffer, 8, 0, true, ControlBufferCalls.StatBuffer),
        new(ControlOperation.ExportBuffer, 32, 0, true, ControlBufferCalls.ExportBuffer),
        new(ControlOperation.ImportBuffer, 16, 0, true, ControlBufferCalls.ImportBuffer),
        new(ControlOperation.Release, 8, 0, true, ControlBufferCalls.Release),
        new(ControlOperation.RegisterDevice, (2 * Text) + 24, 0, true, ControlDeviceCalls.RegisterDevice),
        new(ControlOperation.UnregisterDevice, Text, 0, true, ControlDeviceCalls.UnregisterDevice),
        new(ControlOperation.Attach, 8 + Text, 0, true, ControlDeviceCalls.Attach),
        new(ControlOperation.Detach, 8, 0, true, ControlDeviceCalls.Detach),
        new(ControlOperation.MapDmaBuf, 16, 0, true, ControlDeviceCalls.MapDmaBuf),
        new(ControlOperation.UnmapDmaBuf, 8, 0, true, ControlDeviceCalls.UnmapDmaBuf),
        new(ControlOperation.DmaRead, Text + 16, 0, true, ControlDeviceCalls.DmaRead),
        new(ControlOperation.DmaWrite, Text + 8, Data, true, ControlDeviceCalls.DmaWrite),
    }.ToFrozenDictionary(static r => r.Operation);

    /// <summary>The row for a request, or null for one that is malformed: its body must not even be read.</summary>
    public static ControlRow? Find(ControlHeader request) =>
        request is { Version: ControlHeader.CurrentVersion, Errno: Machine.Abi.Errno.None }
        && Rows.TryGetValue(request.Operation, out ControlRow? row)
        && request.Length >= row.FixedBytes && request.Length <= row.FixedBytes + row.DataBytes
            ? row
            : null;
}
