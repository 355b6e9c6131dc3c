using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.Profiles;
using CocoGuest.Tests.Machine.Guests;
using FsCheck;
using FsCheck.Fluent;

namespace CocoGuest.Tests.Machine.Drm;

/// <summary>
/// Random imports, exports and closes of three clients on two devices: handles agree with a list of pairs, and nothing is left over.
/// </summary>
[Statement("S-GPU-02", "S-GPU-04", "S-GPU-06", "S-GPU-08")]
public class PrimePropertyTests
{
    private const int Clients = 3;
    private static readonly string[] Drivers = ["vgem", "vgem", "vkms"];

    private static Arbitrary<int[]> Steps => Gen.Choose(0, int.MaxValue).ArrayOf().Resize(80).ToArbitrary();

    [Theory]
    [InlineData(KernelVersion.V612)]
    [InlineData(KernelVersion.V73)]
    public void AnySteps_HandlesAndReferences_AgreeWithPairs(KernelVersion kernel) =>
        Prop.ForAll(Steps, steps => Agree(kernel, steps, plantedBug: false)).QuickCheckThrowOnFailure();

    [Fact]
    public void AnySteps_ModelThatMakesNewHandles_IsFound() =>
        Assert.ThrowsAny<Exception>(() =>
            Prop.ForAll(Steps, steps => Agree(KernelVersion.V73, steps, plantedBug: true)).QuickCheckThrowOnFailure());

    private static bool Agree(KernelVersion kernel, int[] steps, bool plantedBug)
    {
        using var test = new TestGuest(Platform.None, kernel, s => s with { MemoryBytes = 64UL << 20, Swiotlb = "1024,force" });
        ulong free = test.Snapshot().Memory.Free;
        int[] nodes = [.. Drivers.Select(driver => test.Guest.Drm.Open(test.Init, driver).Value)];
        var fds = new List<int>();

        // What is one: (client, inode of the dma-buf) and its handle; handles of objects that were never exported stand alone.
        var known = new Dictionary<(int Client, ulong Inode), uint>();
        SortedSet<uint>[] handles = Enumerable.Range(0, Clients).Select(_ => new SortedSet<uint>()).ToArray();
        foreach (int step in steps)
        {
            var random = new Random(step);
            int client = random.Next(Clients);
            if (!Step(test, random, client, nodes[client], fds, known, handles[client], plantedBug))
            {
                return false;
            }
        }

        foreach (int fd in fds.Concat(nodes))
        {
            _ = test.Guest.Files.Close(test.Init, fd);
        }

        return test.Snapshot().Memory.Free == free && test.Guest.Dma.DefaultPool!.UsedSlots == 0 && test.Guest.Buffers.Live == 0;
    }

    private static bool Step(TestGuest test, Random random, int client, int node, List<int> fds,
        Dictionary<(int Client, ulong Inode), uint> known, SortedSet<uint> handles, bool plantedBug)
    {
        switch (random.Next(5))
        {
            case 0:
                fds.Add(test.Allocate("system", Page.Size * (ulong)random.Next(1, 4)));
                return true;
            case 1:
                return test.Guest.Drm.CreateDumb(test.Init, node, 8, 8, 8).Value.Handle == Lowest(handles);
            case 2 when fds.Count > 0:
                int fd = fds[random.Next(fds.Count)];
                ulong inode = test.Stat(fd).Inode;
                uint wanted = !plantedBug && known.TryGetValue((client, inode), out uint handle) ? handle : Lowest(handles);
                known[(client, inode)] = wanted;
                return test.Guest.Drm.FdToHandle(test.Init, node, fd).Value == wanted;
            case 3 when handles.Count > 0:
                uint exported = handles.ElementAt(random.Next(handles.Count));
                BufferHandle made = test.Guest.Drm.HandleToFd(test.Init, node, exported, 2).Value;
                fds.Add(made.Fd);
                bool same = !known.Any(k => k.Key.Client == client && k.Value == exported && k.Key.Inode != made.Inode);
                known[(client, made.Inode)] = exported;
                return same;
            case 4 when handles.Count > 0:
                uint closed = handles.ElementAt(random.Next(handles.Count));
                handles.Remove(closed);
                foreach ((int, ulong) key in known.Where(k => k.Key.Client == client && k.Value == closed).Select(k => k.Key).ToArray())
                {
                    known.Remove(key);
                }

                return test.Guest.Drm.GemClose(test.Init, node, closed) is null;
            default:
                return true;
        }
    }

    // Takes the lowest free number.
    private static uint Lowest(SortedSet<uint> handles)
    {
        uint handle = 1;
        while (!handles.Add(handle))
        {
            handle++;
        }

        return handle;
    }
}
