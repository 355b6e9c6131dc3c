using CocoGuest.Machine;
using CocoGuest.Machine.Dma.Swiotlb;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.PageState;
using CocoGuest.Tests.Machine.Properties.Model;

namespace CocoGuest.Tests.Machine.Properties;

/// <summary>Conservation: what the guest counts is what the model holds, no more and no less.</summary>
internal static class Census
{
    public static void Check(World world)
    {
        GuestSnapshot snapshot = world.Test.Snapshot();
        CheckObjects(world, snapshot.Objects);
        CheckMemory(world, snapshot.Memory);
        CheckPool(world, snapshot.Dma.DefaultPool!);
        CheckReferences(world);
        CheckSharedFrames(world);
        CheckFiles(world);
    }

    /// <summary>After <see cref="World.Finish"/>: everything is as it was after boot.</summary>
    public static void CheckEmpty(World world)
    {
        Check(world);
        GuestSnapshot end = world.Test.Snapshot();
        Violation.Unless(
            end.Memory == world.Booted.Memory && end.Objects == world.Booted.Objects,
            $"not back at the start: {end.Memory} {end.Objects}, was {world.Booted.Memory} {world.Booted.Objects}");
    }

    private static void CheckObjects(World world, ObjectCensus actual)
    {
        GuestModel model = world.Model;
        var expected = new ObjectCensus(
            model.Processes.Count, model.Buffers.Count, model.Fds.Count, model.Vmas.Count, model.Attachments.Count,
            model.Attachments.Count(a => a.Mapped), model.Devices.Count, model.Tokens.Count);
        Violation.Unless(actual == expected, $"{actual}, expected {expected}");
    }

    private static void CheckMemory(World world, MemoryCensus memory)
    {
        ulong used = world.Model.Buffers.Values.Aggregate(0UL, (sum, b) => sum + b.Size);
        Violation.Unless(memory.Free + memory.Used + memory.Leaked + memory.Reserved == memory.Total, $"{memory} does not add up");
        Violation.Unless(
            memory.Used == used && memory.Leaked == 0 && memory.Reserved == world.Booted.Memory.Reserved,
            $"{memory}, expected {used} bytes used");
    }

    private static void CheckPool(World world, SwiotlbCounters pool)
    {
        ulong live = world.Model.Attachments.Where(a => a.Bounced).Aggregate(0UL, (sum, a) => sum + world.Model.Buffers[a.Inode].Size);
        Violation.Unless(
            pool.LiveBytes == live && (ulong)pool.UsedSlots * SwiotlbPool.SlotBytes == live, $"{pool}, expected {live} bytes in use");
        Violation.Unless(pool.StaleBytes + live <= (ulong)pool.Slots * SwiotlbPool.SlotBytes, $"{pool}: more stale than there is");
    }

    // fdinfo's count is the file's references, without that of who reads it (S-BUF-105).
    private static void CheckReferences(World world)
    {
        foreach (ModelFd fd in world.Model.Fds)
        {
            BufferStat stat = world.Guest.Buffers.Stat(world.ProcessOf(fd.Pid), fd.Fd).Value;
            int expected = world.Model.ReferencesOn(fd.Inode);
            Violation.Unless(
                stat.Inode == fd.Inode && stat.Count == (ulong)expected,
                $"fd {fd} reaches {stat.Inode} with count {stat.Count}, expected {expected}");
            IEnumerable<string> devices = world.Model.Attachments
                .Where(a => a.Inode == fd.Inode).OrderByDescending(a => a.Id).Select(a => a.Device.Name);
            Violation.Unless(stat.AttachedDevices.SequenceEqual(devices), $"fd {fd}: attached {string.Join(',', stat.AttachedDevices)}");
        }
    }

    // Shared are the pool and the live shared buffers, nothing else: no free frame is shared, and no frame has two owners.
    private static void CheckSharedFrames(World world)
    {
        var owned = new HashSet<ulong>();
        var shared = new HashSet<ulong>();
        foreach (ModelBuffer buffer in world.Model.Buffers.Values)
        {
            foreach (Chunk chunk in buffer.Chunks)
            {
                for (ulong frame = chunk.Frame; frame < chunk.Range.End; frame++)
                {
                    Violation.Unless(owned.Add(frame), $"frame {frame} has two owners");
                    _ = buffer.Shared && shared.Add(frame);
                }
            }
        }

        FrameRange pool = world.Guest.Memory.Layout.Pool;
        ulong seen = 0;
        foreach (PageStateRun run in world.Guest.HostView.PageStates(0, 0, int.MaxValue).Value)
        {
            if (run.State.Condition != PageCondition.Shared)
            {
                continue;
            }

            for (ulong frame = run.Range.First; frame < run.Range.End; frame++)
            {
                bool known = frame - pool.First < pool.Count || shared.Contains(frame);
                Violation.Unless(known, $"frame {frame} is shared but belongs to no shared buffer");
                seen++;
            }
        }

        Violation.Unless(seen == pool.Count + (ulong)shared.Count, $"{seen} frames are shared, expected {pool.Count} and {shared.Count}");
    }

    // A file that a client kept reads zeros once the buffer is gone, and its bytes until then.
    private static void CheckFiles(World world)
    {
        foreach ((ulong inode, FileStream file) in world.Files)
        {
            byte[] bytes = new byte[file.Length];
            RandomAccess.Read(file.SafeFileHandle, bytes, 0);
            ReadOnlySpan<byte> expected = world.Model.Buffers.ContainsKey(inode) ? world.Shadow.Cpu(inode) : new byte[bytes.Length];
            Violation.Unless(expected.SequenceEqual(bytes), $"a file of buffer {inode} does not hold what it should");
        }
    }
}
