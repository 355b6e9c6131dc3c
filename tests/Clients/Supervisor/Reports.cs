using CocoGuest.Machine;
using CocoGuest.Machine.Diagnostics;
using CocoGuest.Machine.Profiles;
using CocoGuest.Supervisor;
using CocoGuest.Supervisor.Files;
using CocoGuest.Supervisor.Reports;

namespace CocoGuest.Tests.Clients.Supervisor;

/// <summary>Reports of runs that nobody ran.</summary>
internal static class Reports
{
    /// <summary>A buffer that a process still had.</summary>
    public static Leak Buffer { get; } = new(
        "dma-buf 3 of 65536 bytes",
        new Origin(4711, "camera", "DMA_HEAP_IOCTL_ALLOC", "camera+0x10da"),
        new LeftOpen(4711, [3072, 3074], 1));

    /// <summary>A node of a process that was killed.</summary>
    public static Leak Killed { get; } =
        new("HeapNode", new Origin(4712, "camera", "open(\"/dev/dma_heap/system\")", "camera+0x10c3"), null);

    /// <summary>A fault that fired as often as it is said to.</summary>
    public static FaultStatus Fault(FaultPoint point, ulong fired) => new(1, new FaultSpec(point), fired + 1, fired);

    /// <summary>A report of an SNP guest of kernel 7.2.</summary>
    public static RunReport Of(int exitCode = 0, Leak[]? leaks = null, FaultStatus[]? faults = null, int leftRunning = 0)
    {
        using var host = new GuestRegistry(TimeProvider.System, new RandomSecrets());
        Guest guest = host.Create(new GuestShape { Platform = Platform.SevSnp, Kernel = KernelVersion.V72 }).Value;
        GuestSnapshot snapshot = guest.Snapshot();
        return new RunReport(
            ["/usr/bin/camera", "--all"],
            guest.Shape,
            exitCode,
            leaks ?? [],
            faults ?? [],
            leftRunning,
            42,
            ["ioctl DMA_HEAP_IOCTL_ALLOC EIO"],
            snapshot,
            snapshot);
    }
}
