using CocoGuest.Machine.Abi;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Rdma;

namespace CocoGuest.Tests.Replay.Ops;

/// <summary>Memory registration on the software device rxe: family rdma.</summary>
internal static class RdmaOps
{
    private const string Link = "rxe0";
    private const int NoFd = -1;
    private const ulong RegionBytes = 65536;
    private const ulong PageBytes = 4096;
    private const MapProtection ReadAndWrite = MapProtection.Read | MapProtection.Write;

    /// <summary>Addresses of user memory by what records call it. What no step made is made here.</summary>
    internal static readonly Dictionary<string, Func<ReplayCase, ulong, ulong>> UserMemory = new(StringComparer.Ordinal)
    {
        ["heap_mmap_shared"] = (c, _) => GuestCase.Of(c).UserMapping(),
        ["heap_mmap_private"] = (c, _) => GuestCase.Of(c).UserMapping(),
        ["vgem_export_mmap"] = (c, _) => GuestCase.Of(c).UserMapping(),
        ["vgem_dumb_mmap"] = (c, _) => NamedMaps.Find(c, NamedMaps.Node)!.Value,
        ["udmabuf_mmap"] = MapUdmabuf,
        ["anonymous"] = (c, length) => MapMemory(c, length, ReadAndWrite, MapFlags.Private),
        ["anonymous_readonly"] = (c, length) => MapMemory(c, length, MapProtection.Read, MapFlags.Private),

        // A memfd's pages are shared memory, as those of a shared anonymous mapping.
        ["memfd_mmap"] = (c, length) => MapMemory(c, length, ReadAndWrite, MapFlags.Shared),
        ["anonymous_past_end"] = (c, length) => MapPart(c, length, left: RegionBytes),
        ["unmapped"] = (c, length) => MapPart(c, length, left: 0),
    };

    public static IReadOnlyList<OpTable.Row> All { get; } =
    [
        new("rdma_link_add", (c, r, a) => a.SetResult(EnsureLink(c, r.In.Text("name")))),
        new("rdma/open", (c, r, a) => a.SetResult(EnsureLink(c, Link))),
        new("get_context", (c, r, a) => a.SetResult(EnsureLink(c, Link))),
        new("alloc_pd", (c, r, a) => a.SetResult(Pd(c).Failure)),
        new("reg_user_mr", RegisterUser),
        new("reg_dmabuf_mr", RegisterDmaBuf),
    ];

    // The link and the verbs device of the boot stay from case to case; each case opens them anew.
    private static Failure? EnsureLink(ReplayCase c, string name)
    {
        var g = GuestCase.Of(c);
        Failure? failure = g.Guest.Rdma.AddDevice(g.Process, name, dmaDevice: null).Failure;
        return failure is { Errno: Errno.EEXIST } ? null : failure;
    }

    private static Result<uint> Pd(ReplayCase c)
    {
        var g = GuestCase.Of(c);
        return EnsureLink(c, Link) is { } failure ? failure : g.Guest.Rdma.AllocPd(g.Process, Link);
    }

    private static void RegisterUser(ReplayCase c, Record record, Answers answers)
    {
        var g = GuestCase.Of(c);
        ulong length = record.In.Number("len");
        ulong address = UserMemory[record.In.Text("memory")](c, length);
        Result<MemoryRegion> region = g.Guest.Rdma.RegisterMr(
            g.Process, Pd(c).Value, address, length, address, (RdmaAccess)record.In.Number("access"));
        answers.SetResult(region.Failure);
    }

    private static ulong MapMemory(ReplayCase c, ulong length, MapProtection rights, MapFlags kind)
    {
        var g = GuestCase.Of(c);
        return g.Guest.Mappings.Mmap(g.Process, NoFd, 0, Math.Max(length, RegionBytes), rights, kind | MapFlags.Anonymous).Value.Address;
    }

    // Behind what is left nothing is mapped for at least the length.
    private static ulong MapPart(ReplayCase c, ulong length, ulong left)
    {
        var g = GuestCase.Of(c);
        ulong whole = RegionBytes + (length / RegionBytes * RegionBytes) + RegionBytes;
        ulong address = MapMemory(c, whole, ReadAndWrite, MapFlags.Private);
        return g.Guest.Mappings.Munmap(g.Process, address + left, whole - left) is { } failure
            ? throw new InvalidOperationException(failure.Sentence)
            : address;
    }

    private static ulong MapUdmabuf(ReplayCase c, ulong length)
    {
        var g = GuestCase.Of(c);
        var item = new UdmabufItem(NamedFiles.Fd(c, "memfd"), 0, (length + PageBytes - 1) / PageBytes * PageBytes);
        int fd = g.Guest.Udmabufs.Create(g.Process, 0, [item]).Value.Fd;
        return g.Guest.Mappings.Mmap(g.Process, fd, 0, null, ReadAndWrite, MapFlags.Shared).Value.Address;
    }

    // What else the recorder registers (a memfd, an export) it opens without a step; the device refuses before it looks at the fd.
    private static void RegisterDmaBuf(ReplayCase c, Record record, Answers answers)
    {
        var g = GuestCase.Of(c);
        int fd = record.In.Text("memory") == "heap" && g.LastBuffer is { } name ? g.Fd(name) : NoFd;
        ulong offset = record.In.Number("offset");
        Result<MemoryRegion> region = g.Guest.Rdma.RegisterDmaBufMr(
            g.Process, Pd(c).Value, fd, offset, record.In.Number("len"), offset, (RdmaAccess)record.In.Number("access"));
        answers.SetResult(region.Failure);
    }
}
