using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Diagnostics;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.Memory.Store;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine.Heaps;

/// <summary>
/// Memory that start-up sets aside for heaps: the area of <c>cma=</c>, further CMA areas (S-CMA-08), pools of TEE drivers (S-TEE-06).
/// Models: one contiguous range each, from the top of low memory down. Does not model: where a device tree or a TEE puts them.
/// </summary>
/// <param name="Cma">Names of CMA nodes and the heap behind each.</param>
/// <param name="Tee">Ranges of the protected pools.</param>
/// <param name="Bytes">Bytes besides the area of <c>cma=</c>.</param>
internal sealed record BootAreas(IReadOnlyList<(string Name, CmaHeap Heap)> Cma, IReadOnlyDictionary<TeeUse, FrameRange> Tee, ulong Bytes)
{
    private const ulong Alignment = (2UL << 20) >> Page.Shift;

    /// <summary>Sets everything aside that a shape asks for; ENOMEM when it does not fit.</summary>
    public static Result<BootAreas> Reserve(GuestShape shape, RamLayout layout, FrameZones frames, GuestMemory memory, FaultBoard faults)
    {
        var cma = new List<(string, CmaHeap)>();
        var tee = new Dictionary<TeeUse, FrameRange>();
        ulong ceiling = layout.Ranges[0].End;
        ulong bytes = 0;
        if (layout.Cma.Count != 0)
        {
            CmaHeap heap = DefaultCma(shape, layout.Cma, memory, faults);
            foreach (string name in shape.MoreCmaNodes.Prepend(KernelProfile.Of(shape.Kernel).CmaHeapName))
            {
                cma.Add((name, heap));
            }
        }

        foreach (CmaRegionSpec region in shape.CmaRegions)
        {
            if (TakeBelow(frames, ref ceiling, region.Bytes) is not { } range)
            {
                return NoRoom(region.Name, region.Bytes);
            }

            cma.Add((region.Name, new CmaHeap(new CmaArea(range), memory, faults)));
            bytes += region.Bytes;
        }

        foreach (TeePoolSpec pool in shape.TeePools)
        {
            if (TakeBelow(frames, ref ceiling, pool.Bytes) is not { } range)
            {
                return NoRoom(pool.Use.ToString(), pool.Bytes);
            }

            tee.Add(pool.Use, range);
            bytes += pool.Bytes;
        }

        return new BootAreas(cma, tee, bytes);
    }

    private static CmaHeap DefaultCma(GuestShape shape, FrameRange range, GuestMemory memory, FaultBoard faults)
    {
        var area = new CmaArea(range);
        if (shape.CmaTakenAtBoot != 0 && !area.TryAllocate(shape.CmaTakenAtBoot >> Page.Shift, out _))
        {
            throw new InvalidOperationException($"{shape.CmaTakenAtBoot} bytes do not fit the cma area.");
        }

        return new CmaHeap(area, memory, faults);
    }

    // The highest free range below a ceiling, which it lowers.
    private static FrameRange? TakeBelow(FrameZones frames, ref ulong ceiling, ulong bytes)
    {
        ulong count = bytes >> Page.Shift;
        while (ceiling >= count + Alignment)
        {
            ulong first = (ceiling - count) & ~(Alignment - 1);
            ceiling = first;
            var range = new FrameRange(first, count);
            if (frames.TryReserve(range))
            {
                return range;
            }
        }

        return null;
    }

    private static Failure NoRoom(string name, ulong bytes) =>
        new(Errno.ENOMEM, "create_guest", "reserve boot memory",
            $"There are no {bytes} contiguous bytes below 3 GiB for {name}.", "memory_bytes");
}
