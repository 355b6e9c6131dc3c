using System.Globalization;

namespace CocoGuest.Supervisor.Launch;

/// <summary>
/// A control group of the run's own, where this process may make one below its own: whoever is in it the kernel kills all at once
/// (cgroup.kill), those that fork included.
/// </summary>
/// <remarks>
/// Version 2 only; of version 1 a process is killed one by one, as where no group may be made. What leaves the group (a service manager may
/// move it) is found as everybody is, below a keeper.
/// </remarks>
internal static class RunGroup
{
    private const string Kind = "cgroup2";
    private static int _count;

    /// <summary>Makes one.</summary>
    /// <returns>Its folder; null: none may be made here, or the kernel has no cgroup.kill.</returns>
    public static string? Make()
    {
        try
        {
            if (OwnFolder() is not { } own)
            {
                return null;
            }

            int count = Interlocked.Increment(ref _count);
            string folder = Path.Combine(own, string.Create(CultureInfo.InvariantCulture, $"coco-{Environment.ProcessId}-{count}"));
            Directory.CreateDirectory(folder);
            if (File.Exists(KillOf(folder)))
            {
                return folder;
            }

            Directory.Delete(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Not delegated: that is the usual case.
        }

        return null;
    }

    /// <summary>The file whose being written kills all in the group.</summary>
    public static string KillOf(string folder) => Path.Combine(folder, "cgroup.kill");

    /// <summary>The file by which a process enters.</summary>
    public static string EntryOf(string folder) => Path.Combine(folder, "cgroup.procs");

    // The line of version 2 is the one with number 0 and no controllers. A mount of a part of the hierarchy is not looked at.
    private static string? OwnFolder()
    {
        const string unified = "0::";
        string? path = File.ReadLines("/proc/self/cgroup").FirstOrDefault(l => l.StartsWith(unified, StringComparison.Ordinal));
        string? mount = File.ReadLines("/proc/self/mountinfo").Select(l => l.Split(' '))
            .Where(words => words.Length > 6 && words[3] == "/" && words.SkipWhile(w => w != "-").ElementAtOrDefault(1) == Kind)
            .Select(words => words[4]).FirstOrDefault();
        return path is null || mount is null ? null : Path.Join(mount, path[unified.Length..]);
    }
}
