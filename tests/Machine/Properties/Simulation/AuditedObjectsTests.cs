using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Dma.Mapping;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Drm;
using CocoGuest.Machine.Fences;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Mappings;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.Profiles;
using CocoGuest.Machine.Rdma;
using CocoGuest.Tests.Machine.Guests;

namespace CocoGuest.Tests.Machine.Properties.Simulation;

/// <summary>
/// What the audit says about GEM objects, memfds, udmabufs, fences, moves, pins and memory regions: it accepts a guest that has them
/// all, and finds in it each bug planted here.
/// </summary>
public sealed class AuditedObjectsTests
{
    private const ulong Size = 8192;

    public static TheoryData<string, string> Planted => new()
    {
        { "gem handle", "handles, clients have" },
        { "gem object", "objects, " },
        { "gem cache", "is cached for a buffer" },
        { "memfd page", "shared memory at frame" },
        { "memfd page freed", "is free and in use" },
        { "page mapper", "mappers and" },
        { "page pin", "pins, it has" },
        { "pinned block freed", "is free and in use" },
        { "buffer pin", "counts 2 pins" },
        { "vmap", "kernel mappings, it has" },
        { "move target", "is free and in use" },
        { "move importer", "waits for an importer that has let go" },
        { "move reference", "references, but" },
        { "udmabuf slots", "is of 0x" },
        { "timeline", "a timeline at" },
        { "sync file", "nobody will signal it" },
        { "buffer fence", "nobody will signal it" },
        { "gem fence", "nobody will signal it" },
        { "region bytes", "pinned bytes, its memory regions have" },
        { "import reference", "references, but" },
        { "poll reference", "references, but" },
    };

    [Theory]
    [InlineData(Platform.SevSnp)]
    [InlineData(Platform.Tdx)]
    [InlineData(Platform.None)]
    [InlineData(Platform.S390)]
    public void Check_GuestWithAllObjects_FindsNothing(Platform platform)
    {
        using TestGuest test = Full(platform);

        Audit.Check(test.Guest);
    }

    [Theory]
    [MemberData(nameof(Planted))]
    public void Check_PlantedBug_IsFound(string bug, string words)
    {
        using TestGuest test = Full(Platform.SevSnp);
        Audit.Check(test.Guest);
        Action undo = Plant(test, bug);

        Violation found = Assert.Throws<Violation>(() => Audit.Check(test.Guest));

        undo();
        Assert.Contains(words, found.Message, StringComparison.Ordinal);
    }

    // What a test breaks it mends, or the guest could not be taken apart.
    private static Action Plant(TestGuest test, string bug)
    {
        Guest guest = test.Guest;
        DrmFile node = File<DrmFile>(test);
        GemObject gem = node.Find(1)!;
        ShmemPage block = File<ShmemFile>(test).Content.First();
        OwnPage page = test.Init.Addresses.Pages.Values.First();
        DmaBuf heap = guest.Buffers.All.Last();
        DmaBuf moving = guest.Buffers.All.Single(b => b.Move is not null);
        DmaBuf udmabuf = guest.Buffers.All.Single(b => b.Exporter is Udmabuf);
        var fence = new Fence(9999, 1, "planted", "planted");
        switch (bug)
        {
            case "gem handle":
                gem.Handles++;
                return () => gem.Handles--;
            case "gem object":
                node.Device.Objects++;
                return () => node.Device.Objects--;
            case "gem cache":
                node.Uncache(2)!.References--;
                node.Cache(gem.DmaBuf!, 2);
                return () => { };
            case "memfd page":
                block.References++;
                return () => block.References--;
            case "memfd page freed":
                return FreeAndTake(guest, block.Block.Frame);
            case "page mapper":
                page.Mappers++;
                return () => page.Mappers--;
            case "page pin":
                page.Pins++;
                return () => page.Pins--;
            case "pinned block freed":
                return FreeAndTake(guest, guest.Pins.Pinned.First(p => p.Block is not null).Frame);
            case "buffer pin":
                DmaBuf movable = guest.Buffers.All.First(b => b.Exporter is MovableExporter && b.Move is null);
                movable.Pins++;
                return () => movable.Pins--;
            case "vmap":
                heap.Vmaps++;
                return () => heap.Vmaps--;
            case "move target":
                return FreeAndTake(guest, moving.Move!.Target[0].Frame);
            case "move importer":
                Attachment stranger = heap.Attachments[0];
                moving.Move!.Importers.Add(stranger);
                return () => moving.Move.Importers.Remove(stranger);
            case "move reference":
                moving.References--;
                return () => moving.References++;
            case "udmabuf slots":
                DmaDevice own = guest.Devices.MakeInternal("udmabuf2").Dma;
                guest.Dma.UnmapSg(own, udmabuf.Segments, [.. ((Udmabuf)udmabuf.Exporter).CpuMapping!], DmaDirection.Bidirectional);
                Assert.True(guest.Dma.MapSg(own, heap.Segments, new ulong[heap.Segments.Length], DmaDirection.Bidirectional).Ok);
                return () => { };
            case "timeline":
                File<FenceTimeline>(test).Pending[0].Signal(1);
                return () => { };
            case "sync file":
                Assert.True(GuestFiles.Install(test.Init, new SyncFile(test.Guest.Fences, [fence]), false, "plant").Ok);
                return () => { };
            case "buffer fence":
                heap.Fences.Reserve(1);
                heap.Fences.Add(fence, FenceUsage.Read);
                return () => { };
            case "gem fence":
                node.Find(3)!.Fences.Reserve(1);
                node.Find(3)!.Fences.Add(fence, FenceUsage.Bookkeep);
                return () => { };
            case "region bytes":
                test.Init.PinnedBytes++;
                return () => test.Init.PinnedBytes--;
            case "poll reference":
                heap.Polls.Ask(PollEvents.Out);
                heap.References--;
                return () => heap.References++;
            default:
                DmaBuf imported = node.Find(2)!.Import!.Buffer;
                imported.References++;
                return () => imported.References--;
        }
    }

    private static Action FreeAndTake(Guest guest, ulong frame)
    {
        guest.Frames.Free(frame, 0);
        return () => Assert.True(guest.Frames.TryReserve(new FrameRange(frame, 1)));
    }

    private static T File<T>(TestGuest test)
        where T : GuestFile => test.Init.Fds.OpenFds().Select(fd => test.Init.Fds.Find(fd)).OfType<T>().First();

    private static TestGuest Full(Platform platform)
    {
        // An s390 guest has the shared heap from 7.3 on (S-HEAP-48).
        KernelVersion kernel = platform == Platform.S390 ? KernelVersion.V73 : KernelVersion.V72;
        var test = new TestGuest(platform, kernel, shape: s => s with { MemoryBytes = 64UL << 20, Swiotlb = "2048" });
        int heap = test.Allocate(TestGuest.Private, Size);
        AddDrm(test, heap);
        AddMemfds(test);
        AddFences(test, heap);
        AddMoves(test);
        AddRdma(test);
        test.AttachAndMap(heap);
        Assert.True(test.Guest.Importers.Vmap(test.Init, heap).Ok);
        Assert.True(test.Guest.Processes.Fork(test.Init).Ok);
        return test;
    }

    // Handle 1: exported; 2: imported; 3: with a fence.
    private static void AddDrm(TestGuest test, int heap)
    {
        GuestDrm drm = test.Guest.Drm;
        int node = drm.Open(test.Init, "vgem").Value;
        Assert.Equal(1u, drm.CreateDumb(test.Init, node, 32, 32, 32).Value.Handle);
        Assert.True(drm.HandleToFd(test.Init, node, 1, 0x80002).Ok);
        Assert.Equal(2u, drm.FdToHandle(test.Init, node, heap).Value);
        Assert.Equal(3u, drm.CreateDumb(test.Init, node, 32, 32, 32).Value.Handle);
        Assert.True(drm.AttachFence(test.Init, node, 3, 1).Ok);
        Assert.True(test.Guest.Mappings.Mmap(test.Init, node, drm.MapDumb(test.Init, node, 3).Value, 4096, null, MapFlags.Shared).Ok);
    }

    private static void AddMemfds(TestGuest test)
    {
        int file = test.Guest.Memfds.Create(test.Init, allowSealing: true).Value;
        Assert.Null(test.Guest.Memfds.Truncate(test.Init, file, 16384));
        Assert.Null(test.Guest.Memfds.AddSeals(test.Init, file, FileSeals.Shrink));
        int made = test.Guest.Udmabufs.Create(test.Init, 0, [new UdmabufItem(file, 0, Size), new UdmabufItem(file, 4096, Size)]).Value.Fd;
        Assert.True(test.Guest.Importers.Sync(test.Init, made, 3).Ok);
        Assert.Null(test.Guest.Memfds.PunchHole(test.Init, file, 4096, 4096));

        ulong shared = test.Guest.Mappings.Mmap(test.Init, -1, 0, Size, null, MapFlags.Shared | MapFlags.Anonymous).Value.Address;
        Assert.True(test.Guest.Pins.Pin(test.Init, shared, Size, write: true).Ok);
    }

    private static void AddFences(TestGuest test, int heap)
    {
        int timeline = test.Guest.Fences.CreateTimeline(test.Init, "t").Value;
        int sync = test.Guest.Fences.CreateFence(test.Init, timeline, 5).Value;
        Assert.True(test.Guest.Fences.CreateFence(test.Init, timeline, 7).Ok);
        Assert.Null(test.Guest.Buffers.ImportSyncFile(test.Init, heap, 1, sync));
    }

    // One buffer that is pinned, one whose move waits for an importer.
    private static void AddMoves(TestGuest test)
    {
        int pinned = test.Guest.Moves.Allocate(test.Init, Size, 2).Value.Fd;
        ulong attachment = test.Guest.Importers.Attach(test.Init, pinned, "", ImporterOps.WithInvalidate).Value.Attachment;
        Assert.Null(test.Guest.Importers.Pin(test.Init, attachment));
        int moving = test.Guest.Moves.Allocate(test.Init, 4096, 2).Value.Fd;
        attachment = test.Guest.Importers.Attach(test.Init, moving, "", ImporterOps.WithInvalidate).Value.Attachment;
        Assert.True(test.Guest.Importers.Map(test.Init, attachment, DmaDirection.Bidirectional, 0).Ok);
        Assert.True(test.Guest.Moves.Migrate(test.Init, moving, TimeSpan.Zero).Ok);
    }

    private static void AddRdma(TestGuest test)
    {
        GuestRdma rdma = test.Guest.Rdma;
        Assert.True(rdma.AddDevice(test.Init, "soft", null).Ok);
        uint pd = rdma.AllocPd(test.Init, "soft").Value;
        ulong own = test.Guest.Mappings.MmapAnonymous(test.Init, Size, MapProtection.Read | MapProtection.Write).Value.Address;
        Assert.True(rdma.RegisterMr(test.Init, pd, own, Size, own, RdmaAccess.LocalWrite).Ok);
        Assert.True(rdma.AddDevice(test.Init, "hca", "emu0").Ok);
        pd = rdma.AllocPd(test.Init, "hca").Value;
        int buffer = test.Allocate(test.VisibleHeap, Size);
        Assert.True(rdma.RegisterDmaBufMr(test.Init, pd, buffer, 0, Size, 0, RdmaAccess.LocalWrite).Ok);
    }
}
