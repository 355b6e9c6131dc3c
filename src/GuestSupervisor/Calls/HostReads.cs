using System.Globalization;
using CocoGuest.Linux;
using CocoGuest.Linux.Processes;
using CocoGuest.Machine.Abi;
using CocoGuest.Supervisor.Seccomp;
using CocoGuest.Supervisor.Target;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Supervisor.Calls;

/// <summary>
/// With --strict: reads and writes of host files that go past the page tables. A dma-buf's pages, mapped by page-frame number, cannot be
/// had so: O_DIRECT into a mapping is EFAULT (S-PIN-08), <c>/proc/PID/mem</c> of one is EIO (recorded, mapops.misc).
/// </summary>
/// <remarks>Does not model: transfers of which only a part lies in a mapping (they fail as a whole), O_DIRECT that fcntl switches on, files
/// that came in a message.</remarks>
internal sealed unsafe class HostReads(HandlerContext context)
{
    private const uint Direct = 0x4000;
    private const ulong SectorMask = 511;
    private const int MostVectors = 1024;

    // The calls that move bytes: by a vector of ranges or one range; from the file's position or from an argument's.
    private static readonly Dictionary<SystemCall, (bool Vector, bool AtPosition)> Transfers = new()
    {
        [SystemCall.Read] = (false, true),
        [SystemCall.Write] = (false, true),
        [SystemCall.Pread64] = (false, false),
        [SystemCall.Pwrite64] = (false, false),
        [SystemCall.Readv] = (true, true),
        [SystemCall.Writev] = (true, true),
        [SystemCall.Preadv] = (true, false),
        [SystemCall.Pwritev] = (true, false),
        [SystemCall.Preadv2] = (true, false),
        [SystemCall.Pwritev2] = (true, false),
    };

    // File systems whose O_DIRECT copies through the page cache, which a mapping of a dma-buf can take.
    private static readonly ulong[] Buffered = [0x01021994];

    /// <summary>True for an open whose file needs a number of the reserved range, because the calls on it must be stopped.</summary>
    public static bool IsWanted(string path, uint flags) => (flags & Direct) != 0 || IsMemory(path);

    /// <summary>What a call on a file that is none of ours fails with; none: the kernel goes on with it.</summary>
    public Errno Refusal(StoppedCall call)
    {
        if (!context.Options.Strict || context.Files.All.Count == 0 || !Transfers.ContainsKey(call.Call))
        {
            return Errno.None;
        }

        int fd = call.Int(0);
        string? link = ProcFolder.LinkOf(call.Tid, string.Create(CultureInfo.InvariantCulture, $"fd/{fd}"));
        int pid = context.Processes.PidOf(call.Tid);
        if (link is not null && IsMemory(link))
        {
            return IsForeignMapped(call, link, fd) ? Errno.EIO : Errno.None;
        }

        bool intoMapping = (ProcFolder.FlagsOf(call.Tid, fd) & Direct) != 0 && Ranges(call).Any(r =>
            (r.Start & SectorMask) == 0 && (r.Length & SectorMask) == 0 && context.Mirror.IsMapped(pid, r.Start, r.Start + r.Length));
        return intoMapping && !IsBuffered(call, fd) ? Errno.EFAULT : Errno.None;
    }

    // Where memory and length are whole sectors, a kernel transfers directly, and for that pins the pages.
    private bool IsPinned(int pid, ulong start, ulong length) =>
        (start & SectorMask) == 0 && (length & SectorMask) == 0 && context.Mirror.IsMapped(pid, start, start + length);

    private static bool IsMemory(string path) =>
        path.StartsWith("/proc/", StringComparison.Ordinal) && path.EndsWith("/mem", StringComparison.Ordinal);

    private bool IsForeignMapped(StoppedCall call, string link, int fd)
    {
        ulong length = Ranges(call).Aggregate(0UL, static (sum, r) => sum + r.Length);
        string word = link.Split('/')[2];
        int? pid = int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out int named) ? named : null;
        ulong? start = Transfers[call.Call].AtPosition
            ? ProcFolder.PositionOf(call.Tid, fd) : call[3];
        return pid is { } whose && start is { } from && length != 0 && context.Mirror.IsMapped(whose, from, from + length);
    }

    private static List<(ulong Start, ulong Length)> Ranges(StoppedCall call)
    {
        if (!Transfers[call.Call].Vector)
        {
            return [(call[1], Math.Min(call[2], int.MaxValue))];
        }

        var ranges = new List<(ulong, ulong)>();
        IoVec vector = default;
        Span<byte> bytes = new(&vector, sizeof(IoVec));
        for (ulong i = 0; i < Math.Min(call[2], MostVectors) && call.Memory.TryRead(call[1] + (i * (ulong)sizeof(IoVec)), bytes); i++)
        {
            ranges.Add(((ulong)vector.Base, Math.Min(vector.Len, int.MaxValue)));
        }

        return ranges;
    }

    private bool IsBuffered(StoppedCall call, int fd) =>
        context.Processes.Of(call.Tid) is { Ok: true } process && PidFd.TakeFd(process.Value.Handle, fd) is { } file
        && Buffered.Contains(FileSystemOf(file));

    private static ulong FileSystemOf(SafeFileHandle file)
    {
        StatFs status;
        using (file)
        {
            return Libc.Fstatfs(file, &status) == 0 ? status.Type : 0;
        }
    }
}
