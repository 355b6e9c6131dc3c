using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using CocoGuest.Linux;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Supervisor.Target;

/// <summary>
/// What /proc tells of a process. Everything here may be gone at the next moment, so a missing entry is null or nothing, never an error.
/// </summary>
internal static class ProcFolder
{
    private const uint CloseOnExec = 0x80000;

    /// <summary>The process that a thread belongs to.</summary>
    public static int? ProcessOf(int tid) => StatusNumber(tid, "Tgid:");

    /// <summary>True while the thread is one of the process.</summary>
    public static bool HasThread(int pid, int tid)
    {
        const int noSignal = 0;
        const int notPermitted = 1;
        return Libc.Tgkill(pid, tid, noSignal) == 0 || Marshal.GetLastPInvokeError() == notPermitted;
    }

    /// <summary>User and group that the process acts as.</summary>
    public static (uint Uid, uint Gid) OwnerOf(int pid) => ((uint)(StatusNumber(pid, "Uid:") ?? 0), (uint)(StatusNumber(pid, "Gid:") ?? 0));

    /// <summary>As whom a thread's file accesses are judged; null: it is gone.</summary>
    public static Credentials? CredentialsOf(int tid)
    {
        // CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH
        const ulong passing = 6;
        string[] users = Field(tid, "status", "Uid:")?.Split('\t') ?? [];
        string[] groups = Field(tid, "status", "Gid:")?.Split('\t') ?? [];
        if (users.Length != 4 || groups.Length != 4 || Field(tid, "status", "CapEff:") is not { } capabilities)
        {
            return null;
        }

        string[] others = Field(tid, "status", "Groups:")?.Split(' ', StringSplitOptions.RemoveEmptyEntries) ?? [];
        bool passes = (ulong.Parse(capabilities, NumberStyles.HexNumber, CultureInfo.InvariantCulture) & passing) != 0
            && LinkOf(tid, "ns/user") is { } names && names == LinkOf(Environment.ProcessId, "ns/user");
        return new Credentials(Number(users[3]), [Number(groups[3]), .. others.Select(Number)], passes);
    }

    /// <summary>The status of a process or thread as text; empty: it is gone.</summary>
    public static string StatusOf(int pid) => Text(pid, "status") ?? "";

    /// <summary>An entry that is strings of C, such as cmdline.</summary>
    public static IReadOnlyList<byte[]> StringsOf(int pid, string entry)
    {
        byte[] all;
        try
        {
            all = File.ReadAllBytes(Path(pid, entry));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }

        var strings = new List<byte[]>();
        for (int start = 0; start < all.Length;)
        {
            int length = all.AsSpan(start).IndexOf((byte)0);
            int end = length < 0 ? all.Length : start + length;
            strings.Add(all[start..end]);
            start = end + 1;
        }

        return strings;
    }

    /// <summary>All of an open file of this process that is known by where its link leads; it is closed. Null: there is none.</summary>
    public static string? TakeOwnFile(string link)
    {
        int self = Environment.ProcessId;
        foreach (int fd in FdsOf(self))
        {
            if (LinkOf(self, string.Create(CultureInfo.InvariantCulture, $"fd/{fd}")) == link)
            {
                using var file = new SafeFileHandle(fd, ownsHandle: true);
                byte[] text = new byte[RandomAccess.GetLength(file)];
                return Encoding.Latin1.GetString(text, 0, RandomAccess.Read(file, text, 0));
            }
        }

        return null;
    }

    /// <summary>The name of the program.</summary>
    public static string NameOf(int pid) => Text(pid, "comm")?.TrimEnd('\n') ?? "?";

    /// <summary>Where an entry that is a link leads: cwd, exe, fd/N.</summary>
    public static string? LinkOf(int pid, string entry)
    {
        try
        {
            return new FileInfo(Path(pid, entry)).LinkTarget;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>The root folder of a process, as a path that others can use.</summary>
    public static string RootOf(int pid) => Path(pid, "root");

    /// <summary>A path of the supervisor's root as one of the process'; null: it is not below the root of the process.</summary>
    public static string? BelowRoot(int pid, string path) => LinkOf(pid, "root") switch
    {
        null => null,
        "/" => path,
        { } root when path == root => "/",
        { } root => path.StartsWith(root + "/", StringComparison.Ordinal) ? path[root.Length..] : null,
    };

    /// <summary>What fd number N of a process is, in the host.</summary>
    public static FileIdentity? FileAt(int pid, int fd) => HostFile.IdentityAt(Path(pid, $"fd/{fd}"));

    /// <summary>The open fds of a process.</summary>
    public static int[] FdsOf(int pid)
    {
        try
        {
            return [.. Directory.EnumerateFileSystemEntries(Path(pid, "fd"))
                .Select(e => int.Parse(System.IO.Path.GetFileName(e), CultureInfo.InvariantCulture))];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>True if the fd has FD_CLOEXEC.</summary>
    public static bool IsCloseOnExec(int pid, int fd) => (FlagsOf(pid, fd) & CloseOnExec) != 0;

    /// <summary>Flags of an fd and its open file, as fdinfo has them.</summary>
    public static uint FlagsOf(int pid, int fd) =>
        Field(pid, $"fdinfo/{fd}", "flags:") is { } flags ? Convert.ToUInt32(flags, 8) : 0;

    /// <summary>Where the next read of an fd begins; null: not open.</summary>
    public static ulong? PositionOf(int pid, int fd) =>
        Field(pid, $"fdinfo/{fd}", "pos:") is { } position ? unchecked((ulong)Int128.Parse(position, CultureInfo.InvariantCulture)) : null;

    /// <summary>The file mappings of a process.</summary>
    public static IEnumerable<HostMap> MapsOf(int pid) => (Text(pid, "maps") ?? "").Split('\n').Select(HostMap.Parse).OfType<HostMap>();

    /// <summary>True if the process is on its way out: exit or a signal ended it.</summary>
    public static bool IsEnding(int pid)
    {
        // The name may hold blanks and brackets; what follows its last bracket does not. The seventh word there is the flags.
        string? stat = Text(pid, "stat");
        string[] words = stat is null ? [] : stat[(stat.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        const uint exiting = 4;
        return words.Length < 7 || words[0] is "Z" or "X" || (uint.Parse(words[6], CultureInfo.InvariantCulture) & exiting) != 0;
    }

    /// <summary>The children of a process, and theirs, and so on.</summary>
    public static IEnumerable<int> DescendantsOf(int pid)
    {
        var waiting = new Queue<int>([pid]);
        while (waiting.TryDequeue(out int next))
        {
            foreach (int child in ChildrenOf(next))
            {
                yield return child;
                waiting.Enqueue(child);
            }
        }
    }

    /// <summary>RLIMIT_NOFILE of a process.</summary>
    public static RLimit? OpenFilesOf(int pid) => Text(pid, "limits") is { } text ? OpenFilesIn(text) : null;

    /// <summary>RLIMIT_NOFILE in a text such as /proc/PID/limits.</summary>
    public static RLimit? OpenFilesIn(string limits)
    {
        string[] words = After(limits, "Max open files")?.Split(' ', StringSplitOptions.RemoveEmptyEntries) ?? [];
        return words.Length >= 2 && ulong.TryParse(words[0], out ulong soft) && ulong.TryParse(words[1], out ulong hard)
            ? new RLimit { Cur = soft, Max = hard } : null;
    }

    /// <summary>The stack pointer of a thread that waits in a system call.</summary>
    public static ulong? StackPointerOf(int tid)
    {
        // number, six arguments, stack pointer, instruction pointer
        string[] words = Text(tid, "syscall")?.TrimEnd('\n').Split(' ') ?? [];
        return words.Length == 9
            && ulong.TryParse(words[7].AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out ulong stack) ? stack : null;
    }

    /// <summary>oom_score_adj.</summary>
    public static int OomScoreAdjOf(int pid)
    {
        const NumberStyles styles = NumberStyles.AllowLeadingSign | NumberStyles.AllowTrailingWhite;
        return int.TryParse(Text(pid, "oom_score_adj"), styles, CultureInfo.InvariantCulture, out int value) ? value : 0;
    }

    /// <summary>The parent of a process.</summary>
    public static int? ParentOf(int pid) => StatusNumber(pid, "PPid:");

    private static uint Number(string word) => uint.Parse(word, CultureInfo.InvariantCulture);

    private static IEnumerable<int> ChildrenOf(int pid)
    {
        string[] threads;
        try
        {
            threads = Directory.GetDirectories(Path(pid, "task"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            yield break;
        }

        foreach (string thread in threads)
        {
            foreach (string child in (TextAt(thread + "/children") ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries))
            {
                yield return int.Parse(child, CultureInfo.InvariantCulture);
            }
        }
    }

    private static int? StatusNumber(int pid, string label) =>
        Field(pid, "status", label) is { } values ? int.Parse(values.Split('\t')[0], CultureInfo.InvariantCulture) : null;

    // What stands behind a label at the start of a line; null: there is no such line, or no such process.
    private static string? Field(int pid, string entry, string label) => Text(pid, entry) is { } text ? After(text, label) : null;

    private static string? After(string text, string label) =>
        text.Split('\n').FirstOrDefault(l => l.StartsWith(label, StringComparison.Ordinal))?[label.Length..].Trim();

    private static string? Text(int pid, string entry) => TextAt(Path(pid, entry));

    private static string? TextAt(string path)
    {
        try
        {
            return File.ReadAllText(path, Encoding.Latin1);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static string Path(int pid, string entry) => string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/{entry}");
}
