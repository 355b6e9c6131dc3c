using System.Globalization;

namespace CocoGuest.Linux.Processes;

/// <summary>
/// The most memory that this process can have before the kernel kills it: the smallest limit of its cgroup and those above it, or the
/// host's RAM. Models: cgroup v1 and v2, seen from inside and outside of a container. Does not model: swap, what others use.
/// </summary>
/// <param name="Bytes">The limit.</param>
/// <param name="Whose">Who sets it, for a sentence: "the cgroup of this process" or "the RAM of this machine".</param>
public sealed record MemoryLimit(ulong Bytes, string Whose)
{
    private const string Cgroups = "sys/fs/cgroup";
    private const string Limited = "the cgroup of this process";
    private const string Ram = "the RAM of this machine";

    /// <summary>Reads it.</summary>
    /// <param name="root">Folder in which /proc and /sys are looked up.</param>
    /// <returns>Null where nothing can be read.</returns>
    public static MemoryLimit? Read(string root = "/")
    {
        IEnumerable<MemoryLimit> cgroups = Lines(Path.Combine(root, "proc/self/cgroup")).SelectMany(line => OfCgroup(root, line));
        return cgroups.Concat(OfMachine(root)).MinBy(limit => limit.Bytes);
    }

    // "0::/path" is version 2; "4:memory:/path" is version 1. In a container the path may be the host's, and the mount begins below it, so
    // whatever is there from the mount's root on counts.
    private static IEnumerable<MemoryLimit> OfCgroup(string root, string line)
    {
        string[] parts = line.Split(':', 3);
        (string folder, string file) = parts is [_, "", _] ? (Path.Combine(root, Cgroups), "memory.max")
            : parts is [_, var controllers, _] && controllers.Split(',').Contains("memory")
                ? (Path.Combine(root, Cgroups, "memory"), "memory.limit_in_bytes")
            : ("", "");
        if (file.Length == 0)
        {
            yield break;
        }

        string[] below = parts[2].Split('/', StringSplitOptions.RemoveEmptyEntries);
        for (int i = 0; i <= below.Length; i++)
        {
            string path = Path.Combine([folder, .. below[..i], file]);
            // "max" is no number.
            if (Lines(path) is [var text, ..] && ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong bytes))
            {
                yield return new MemoryLimit(bytes, Limited);
            }
        }
    }

    private static IEnumerable<MemoryLimit> OfMachine(string root) =>
        from line in Lines(Path.Combine(root, "proc/meminfo"))
        where line.StartsWith("MemTotal:", StringComparison.Ordinal)
        let words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries)
        select new MemoryLimit(ulong.Parse(words[1], CultureInfo.InvariantCulture) << 10, Ram);

    private static string[] Lines(string path)
    {
        try
        {
            return File.ReadAllLines(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
