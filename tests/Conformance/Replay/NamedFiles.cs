using System.Globalization;
using System.Text.RegularExpressions;
using CocoGuest.Machine.Abi;

namespace CocoGuest.Tests.Replay;

/// <summary>
/// Files that a step names and no step opened: what the recorder had open besides, what is closed, what is no file of the kind that is
/// asked for. They are made when first named, one a name and case.
/// </summary>
internal static partial class NamedFiles
{
    private const int NoFd = -1;
    private const ulong DefaultBytes = 16384;
    private const ulong HugePage = 2UL << 20;

    // Names that cases give to what they have without a step: their only buffer, a heap's node, a udmabuf.
    private static readonly HashSet<string> Implicit = new(StringComparer.Ordinal) { "a", "h", "u" };

    private static readonly Dictionary<string, Func<GuestCase, int>> Openers = new(StringComparer.Ordinal)
    {
        ["-1"] = _ => NoFd,
        ["closed"] = _ => NoFd,
        ["bad_fd"] = _ => NoFd,

        // What a program reads from is some device; a heap's node stands for it. What matters is that it is neither buffer nor memfd.
        ["stdin"] = g => g.Guest.Tree.Open(g.Process, "/dev/dma_heap/system", OpenFlags.ReadWrite).Value,
        ["udmabuf_dev"] = g => g.Guest.Udmabufs.Open(g.Process).Value,
        ["heap_buffer"] = NewBuffer,
        ["dma_buf"] = NewBuffer,
        ["dmabuf"] = NewBuffer,
    };

    // Files of tmpfs that take no seals, as those of other file systems.
    private static readonly HashSet<string> Unsealable = new(StringComparer.Ordinal)
    {
        "tmpfs_file", "rootfs_file", "memfd_noseal", "memfd_no_seal", "memfd_nosealing", "memfd_no_sealing", "memfd_unsealable",
        "memfd_without_sealing", "memfd_without_allow_sealing", "memfd_no_allow_sealing",
    };

    /// <summary>Whether a name is one that any step may use for an fd.</summary>
    public static bool Knows(string name) => Implicit.Contains(name) || Openers.ContainsKey(name) || IsFile(name);

    /// <summary>Whether a name is one for the fd that udmabuf is given; single capitals are memfds of the case.</summary>
    public static bool KnowsMemfd(string name) => Openers.ContainsKey(name) || IsFile(name) || name is [>= 'A' and <= 'Z'];

    /// <summary>The fd behind a name.</summary>
    public static int Fd(ReplayCase c, string name)
    {
        Dictionary<string, int> fds = c.State<Made>().Fds;
        if (!fds.TryGetValue(name, out int fd))
        {
            fds.Add(name, fd = Openers.TryGetValue(name, out Func<GuestCase, int>? open) ? open(GuestCase.Of(c)) : NewMemfd(c, name));
        }

        return fd;
    }

    /// <summary>The fd that a step or a name stands for; −1 if nothing does.</summary>
    public static int FdOrNone(ReplayCase c, string name)
    {
        int fd = GuestCase.Of(c).Fd(name);
        return fd < 0 && (Openers.ContainsKey(name) || IsFile(name)) ? Fd(c, name) : fd;
    }

    /// <summary>A file of the case gets a name.</summary>
    public static void Name(ReplayCase c, string name, int fd) => c.State<Made>().Fds[name] = fd;

    private static bool IsFile(string name) => Unsealable.Contains(name) || MemfdForm().IsMatch(name);

    private static int NewBuffer(GuestCase g) =>
        g.Guest.Heaps.Allocate(g.Process, "system", DefaultBytes, OpenFlags.ReadWrite, 0).Value.Fd;

    // "memfd80MiB": a size; "hugetlb": one huge page. All but the unsealable ones are sealed against shrinking, as udmabuf wants them.
    private static int NewMemfd(ReplayCase c, string name)
    {
        var g = GuestCase.Of(c);
        bool huge = name.StartsWith("hugetlb", StringComparison.Ordinal);
        int fd = g.Guest.Memfds.Create(g.Process, allowSealing: !Unsealable.Contains(name), huge).Value;
        if (g.Guest.Memfds.Truncate(g.Process, fd, huge ? HugePage : SizeIn(name)) is { } failure)
        {
            throw new InvalidOperationException(failure.Sentence);
        }

        _ = g.Guest.Memfds.AddSeals(g.Process, fd, FileSeals.Shrink);
        return fd;
    }

    private static ulong SizeIn(string name)
    {
        Match match = MemfdForm().Match(name);
        return !match.Groups["size"].Success ? DefaultBytes
            : ulong.Parse(match.Groups["size"].Value, CultureInfo.InvariantCulture) << (match.Groups["MiB"].Success ? 20 : 0);
    }

    [GeneratedRegex("^(?:memfd(?:(?<size>[0-9]{1,12})(?<MiB>MiB)?)?|hugetlb(?:2M)?)$")]
    private static partial Regex MemfdForm();

    private sealed class Made
    {
        public Dictionary<string, int> Fds { get; } = new(StringComparer.Ordinal);
    }
}
