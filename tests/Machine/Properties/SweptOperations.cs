using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Mappings;
using CocoGuest.Machine.Rdma;
using CocoGuest.Tests.Machine.Guests;

namespace CocoGuest.Tests.Machine.Properties;

/// <summary>
/// The operations of the fail_nth sweep by name. Where a failed call legitimately leaves something behind, as page faults and first
/// exports do in the kernel, it was there before: pages are written and objects exported once in the preparation. fds count from 3 on.
/// </summary>
internal static class SweptOperations
{
    public const ulong Size = 0x25000;
    private const uint ReadWrite = 0x80002;

    [ThreadStatic]
    private static Handle128 _token;

    public static IReadOnlyDictionary<string, SweptOperation> All { get; } = new Dictionary<string, SweptOperation>
    {
        ["allocate private"] = new(_ => { }, (g, p) => g.Heaps.Allocate(p, TestGuest.Private, Size, 2, 0).Failure),
        ["allocate shared"] = new(_ => { }, (g, p) => g.Heaps.Allocate(p, g.HeapNodes[^1].Name, Size, 2, 0).Failure),
        ["attach"] = new(t => t.Allocate(TestGuest.Private, Size), (g, p) => g.Importers.Attach(p, 3, "").Failure),
        ["map bounced"] = new(AttachNic, Map),
        ["map direct"] = Sure(t => Must(AttachTo(t, t.VisibleHeap)), Map),
        ["unmap bounced"] = Sure(MapNic, (g, p) => g.Importers.Unmap(p, 1)),
        ["unmap direct"] = Sure(t => Must(AttachTo(t, t.VisibleHeap) ?? Map(t.Guest, t.Init)), (g, p) => g.Importers.Unmap(p, 1)),
        ["sync start bounced"] = Sure(MapNic, (g, p) => g.Importers.Sync(p, 3, 3).Failure),
        ["sync end bounced"] = Sure(MapNic, (g, p) => g.Importers.Sync(p, 3, 7).Failure),
        ["sync direct"] = Sure(t => Must(AttachTo(t, t.VisibleHeap) ?? Map(t.Guest, t.Init)), (g, p) => g.Importers.Sync(p, 3, 3).Failure),
        ["mmap"] = Sure(t => t.Allocate(TestGuest.Private, Size), (g, p) => g.Mappings.Mmap(p, 3, 0, null, null, MapFlags.Shared).Failure),
        ["mmap anonymous"] = Sure(_ => { }, (g, p) => g.Mappings.MmapAnonymous(p, Size, MapProtection.Read | MapProtection.Write).Failure),
        ["store to a new page"] = new(t => Anonymous(t), (g, p) => g.Mappings.Store(p, FirstMapping(p), [1, 2, 3])),
        ["export"] = Sure(t => t.Allocate(TestGuest.Private, Size), (g, p) => g.Buffers.Export(p, 3, null, TimeSpan.Zero).Failure),
        ["import"] = new(
            t => _token = t.Guest.Buffers.Export(t.Init, t.Allocate(TestGuest.Private, Size), null, TimeSpan.Zero).Value,
            (g, p) => g.Buffers.Import(p, _token).Failure),
        ["fork"] = Sure(t => t.Map(t.Allocate(TestGuest.Private, Size)), (g, p) => g.Processes.Fork(p).Failure),
        ["fork with a pinned page"] = new(
            t => Must(t.Guest.Pins.Pin(t.Init, Touched(t), 4096, write: true).Failure), (g, p) => g.Processes.Fork(p).Failure),
        ["memfd"] = new(_ => { }, (g, p) => g.Memfds.Create(p, allowSealing: true).Failure),
        ["write memfd"] = new(t => Memfd(t, written: false), (g, p) => g.Memfds.Write(p, 3, 100, [1, 2, 3]).Failure),
        ["create udmabuf"] = new(t => Memfd(t, written: true), Udmabuf),
        ["start cpu access of a udmabuf, bounced"] = new(
            t =>
            {
                Memfd(t, written: true);
                Must(Udmabuf(t.Guest, t.Init));
            },
            (g, p) => g.Importers.Sync(p, 4, 3).Failure),
        ["open drm"] = new(_ => { }, (g, p) => g.Drm.Open(p, "vkms").Failure),
        ["create dumb"] = new(t => Node(t, "vkms"), (g, p) => g.Drm.CreateDumb(p, 3, 64, 64, 32).Failure),
        ["mmap dumb"] = new(
            t => Dumb(t), (g, p) => g.Mappings.Mmap(p, 3, g.Drm.MapDumb(p, 3, 1).Value, 16384, null, MapFlags.Shared).Failure),
        ["prime export"] = new(t => Exported(t), (g, p) => g.Drm.HandleToFd(p, 3, 1, ReadWrite).Failure),
        ["prime export, the first"] = new(
            t => Mapped(t), (g, p) => g.Drm.HandleToFd(p, 3, 1, ReadWrite).Failure),
        ["prime import"] = new(
            t =>
            {
                Node(t, "vkms");
                t.Allocate(t.VisibleHeap, Size);
            },
            (g, p) => g.Drm.FdToHandle(p, 3, 4).Failure),
        ["gem close"] = Sure(t => Exported(t), (g, p) => g.Drm.GemClose(p, 3, 1)),
        ["attach vgem fence"] = Sure(t => Dumb(t, "vgem"), (g, p) => g.Drm.AttachFence(p, 3, 1, 1).Failure),
        ["create timeline"] = new(_ => { }, (g, p) => g.Fences.CreateTimeline(p, "t").Failure),
        ["create fence"] = new(t => Timeline(t), (g, p) => g.Fences.CreateFence(p, 3, 7).Failure),
        ["advance timeline"] = Sure(t => Fenced(t), (g, p) => g.Fences.Advance(p, 3, 7)),
        ["export sync file"] = new(t => Fenced(t), (g, p) => g.Buffers.ExportSyncFile(p, 5, 2).Failure),
        ["import sync file"] = new(t => Fenced(t), (g, p) => g.Buffers.ImportSyncFile(p, 5, 2, 4)),
        ["merge sync files"] = new(t => Fenced(t), (g, p) => g.Fences.Merge(p, 4, 4).Failure),
        ["allocate movable"] = new(_ => { }, (g, p) => g.Moves.Allocate(p, Size, 2).Failure),
        ["migrate"] = new(
            t => Must(t.Guest.Moves.Allocate(t.Init, Size, 2).Failure), (g, p) => g.Moves.Migrate(p, 3, TimeSpan.Zero).Failure),
        ["attach dynamic"] = new(
            t => t.Allocate(TestGuest.Private, Size), (g, p) => g.Importers.Attach(p, 3, "", ImporterOps.WithInvalidate).Failure),
        ["vmap"] = Sure(t => t.Allocate(TestGuest.Private, Size), (g, p) => g.Importers.Vmap(p, 3).Failure),
        ["pin user pages"] = Sure(t => Touched(t), (g, p) => g.Pins.Pin(p, FirstMapping(p), 4096, write: true).Failure),
        ["register memory"] = Sure(
            t =>
            {
                Touched(t);
                Domain(t, dmaDevice: null);
            },
            (g, p) => g.Rdma.RegisterMr(p, 1, FirstMapping(p), 4096, FirstMapping(p), RdmaAccess.LocalWrite).Failure),
        ["register dma-buf"] = new(
            t =>
            {
                t.Allocate(t.VisibleHeap, Size);
                Domain(t, "emu0");
            },
            RegisterDmaBuf),
        ["deregister dma-buf"] = Sure(
            t =>
            {
                t.Allocate(t.VisibleHeap, Size);
                Domain(t, "emu0");
                Must(RegisterDmaBuf(t.Guest, t.Init));
            },
            (g, p) => g.Rdma.DeregisterMr(p, g.Rdma.Holdings.First().Shown.Key)),
    };

    private static SweptOperation Sure(Action<TestGuest> prepare, Func<Guest, GuestProcess, Failure?> run) =>
        new(prepare, run) { CannotFail = true };

    private static void Must(Failure? failure) => Assert.Null(failure);

    private static void AttachNic(TestGuest test)
    {
        test.Register(test.Init);
        int fd = test.Allocate(TestGuest.Private, Size);
        test.Store(test.Map(fd), [.. Enumerable.Repeat((byte)0x77, 9000)]);
        Must(test.Guest.Importers.Attach(test.Init, fd, TestGuest.Nic).Failure);
    }

    private static void MapNic(TestGuest test)
    {
        AttachNic(test);
        Must(Map(test.Guest, test.Init));
    }

    private static Failure? AttachTo(TestGuest test, string heap) =>
        test.Guest.Importers.Attach(test.Init, test.Allocate(heap, Size), "").Failure;

    private static Failure? Map(Guest guest, GuestProcess process) =>
        guest.Importers.Map(process, process.Attachments.Keys.First(), DmaDirection.Bidirectional, 0).Failure;

    private static ulong Anonymous(TestGuest test) =>
        test.Guest.Mappings.MmapAnonymous(test.Init, Size, MapProtection.Read | MapProtection.Write).Value.Address;

    private static ulong Touched(TestGuest test)
    {
        ulong address = Anonymous(test);
        test.Store(address, [1]);
        return address;
    }

    private static ulong FirstMapping(GuestProcess process) => process.Addresses.Ascending().First().Start;

    private static void Memfd(TestGuest test, bool written)
    {
        int fd = test.Guest.Memfds.Create(test.Init, allowSealing: true).Value;
        Must(test.Guest.Memfds.Truncate(test.Init, fd, 16384));
        Must(written ? test.Guest.Memfds.Write(test.Init, fd, 0, new byte[16384]).Failure : null);
        Must(test.Guest.Memfds.AddSeals(test.Init, fd, FileSeals.Shrink));
    }

    private static Failure? Udmabuf(Guest guest, GuestProcess process) =>
        guest.Udmabufs.Create(process, 0, [new UdmabufItem(3, 0, 8192), new UdmabufItem(3, 4096, 8192)]).Failure;

    private static void Node(TestGuest test, string driver) => Must(test.Guest.Drm.Open(test.Init, driver).Failure);

    private static void Dumb(TestGuest test, string driver = "vkms")
    {
        Node(test, driver);
        Must(test.Guest.Drm.CreateDumb(test.Init, 3, 64, 64, 32).Failure);
        _ = test.Guest.Drm.MapDumb(test.Init, 3, 1).Value;
    }

    // An object with its pages, of which nobody made a dma-buf.
    private static void Mapped(TestGuest test)
    {
        Dumb(test);
        Must(test.Guest.Mappings.Mmap(
            test.Init, 3, test.Guest.Drm.MapDumb(test.Init, 3, 1).Value, 16384, null, MapFlags.Shared).Failure);
    }

    private static void Exported(TestGuest test)
    {
        Dumb(test);
        Must(test.Guest.Files.Close(test.Init, test.Guest.Drm.HandleToFd(test.Init, 3, 1, ReadWrite).Value.Fd));
    }

    private static void Timeline(TestGuest test) => Must(test.Guest.Fences.CreateTimeline(test.Init, "t").Failure);

    // A timeline, a fence of it, and a buffer that has the fence.
    private static void Fenced(TestGuest test)
    {
        Timeline(test);
        Must(test.Guest.Fences.CreateFence(test.Init, 3, 5).Failure);
        test.Allocate(TestGuest.Private, Size);
        Must(test.Guest.Buffers.ImportSyncFile(test.Init, 5, 1, 4));
    }

    private static void Domain(TestGuest test, string? dmaDevice)
    {
        Must(test.Guest.Rdma.AddDevice(test.Init, "link", dmaDevice).Failure);
        Must(test.Guest.Rdma.AllocPd(test.Init, "link").Failure);
    }

    private static Failure? RegisterDmaBuf(Guest guest, GuestProcess process) =>
        guest.Rdma.RegisterDmaBufMr(process, 1, 3, 0, Size, 0, RdmaAccess.LocalWrite | RdmaAccess.RemoteWrite).Failure;
}
