using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Mappings;
using CocoGuest.Machine.Tree;

namespace CocoGuest.Tests.Machine.Properties.Simulation;

/// <summary>
/// What a kernel answers to some calls, said a second time and simply: from the kind of what an argument leads to and from how it was
/// opened, without the machine's tables.
/// </summary>
internal static class NaiveAnswers
{
    private const int Streams = 3;

    /// <summary>Files of every guest, which no link leads to.</summary>
    public static readonly string[] Paths =
    [
        "/dev/udmabuf", "/dev/dri/card0", "/dev/dri/card1", "/dev/dri/renderD128", "/sys/kernel/debug/sync/sw_sync",
        "/sys/kernel/debug/dma_buf/bufinfo", "/sys/module/udmabuf/parameters/list_limit", "/dev/dri", "/dev/dma_heap", "/dev/dri/none",
    ];

    /// <summary>The calls that <see cref="OfFileCall"/> knows.</summary>
    public static readonly FileCall[] FileCalls =
    [
        FileCall.AddSeals, FileCall.GetSeals, FileCall.Read, FileCall.Readv, FileCall.Write, FileCall.Writev, FileCall.Fallocate,
        FileCall.SetReadLock, FileCall.SetWriteLock,
    ];

    /// <summary>A call on an fd: what its access mode decides; null: something else does.</summary>
    public static Errno? OfFileCall(GuestFile? file, FileCall call) => (file, call) switch
    {
        (null or PathFile, _) => Errno.EBADF,
        (_, FileCall.AddSeals) => file.Access is AccessMode.WriteOnly or AccessMode.ReadWrite ? Errno.EINVAL : Errno.EPERM,
        (_, FileCall.GetSeals) => Errno.EINVAL,
        (_, FileCall.Read or FileCall.Readv or FileCall.SetReadLock) when !file.Readable => Errno.EBADF,
        (_, FileCall.Write or FileCall.Writev or FileCall.Fallocate or FileCall.SetWriteLock) when !file.Writable => Errno.EBADF,
        (_, FileCall.SetReadLock or FileCall.SetWriteLock) => Errno.None,
        _ => null,
    };

    /// <summary>stat of a path without links, name by name.</summary>
    /// <param name="kind">What stands at a path that has nothing behind its last name.</param>
    /// <param name="path">The path.</param>
    public static Errno OfPath(Func<string, TreeKind> kind, string path)
    {
        string place = "";
        string[] parts = path.Split('/');
        for (int i = 1; i < parts.Length; i++)
        {
            TreeKind here = kind(place);
            if (here is TreeKind.Node or TreeKind.File or TreeKind.Stream)
            {
                return Errno.ENOTDIR;
            }

            if (here == TreeKind.None && !IsAbove(place))
            {
                return Errno.ENOENT;
            }

            place = parts[i] switch
            {
                "" or "." => place,
                ".." => place[..Math.Max(place.LastIndexOf('/'), 0)],
                var name => $"{place}/{name}",
            };
        }

        return kind(place) == TreeKind.None ? Errno.ENOENT : Errno.None;
    }

    /// <summary>MADV_REMOVE of a mapping.</summary>
    public static Errno OfRemove(Vma vma) =>
        vma.File is null ? Errno.EINVAL
        : vma.Private || vma.File.Access is AccessMode.ReadOnly ? Errno.EACCES
        : vma.File is ShmemFile ? Errno.None
        : Errno.ENODEV;

    /// <summary>Something that is no dma-buf where one is wanted.</summary>
    public static Errno OfDmaBufFd(GuestFile? file, int fd) =>
        file is PathFile || (file is null && fd is < 0 or >= Streams) ? Errno.EBADF : Errno.EINVAL;

    /// <summary>Fences of an export: all for who wants to write, those of writers for who wants to read, a stub for none.</summary>
    public static int OfExport(uint[] usages, uint flags) => Math.Max(1, usages.Count(usage => (flags & 2) != 0 || (usage & 2) != 0));

    /// <summary>A udmabuf of a page of a memfd with seals.</summary>
    public static Errno OfUdmabuf(FileSeals seals) =>
        seals.HasFlag(FileSeals.Shrink) && (seals & (FileSeals.Write | FileSeals.FutureWrite)) == 0 ? Errno.None : Errno.EINVAL;

    private static bool IsAbove(string place) => Paths.Any(path => path.StartsWith($"{place}/", StringComparison.Ordinal));
}
