using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Rdma;

namespace CocoGuest.Tests.Replay.Ops;

/// <summary>Memory registration on the software device rxe: family rdma.</summary>
internal static class RdmaOps
{
    private const string Link = "rxe0";
    private const int NoFd = -1;

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
        ulong address = record.In.Text("memory") == "vgem_dumb_mmap" ? NamedMaps.Find(c, NamedMaps.Node)!.Value : g.UserMapping();
        Result<MemoryRegion> region = g.Guest.Rdma.RegisterMr(
            g.Process, Pd(c).Value, address, record.In.Number("len"), address, (RdmaAccess)record.In.Number("access"));
        answers.SetResult(region.Failure);
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
