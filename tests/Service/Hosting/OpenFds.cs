namespace CocoGuest.Tests.Service.Hosting;

/// <summary>How many fds of each kind this process has open; only kinds that a server opens and has to close.</summary>
internal static class OpenFds
{
    private static readonly string[] Servers = ["/memfd:", "anon_inode:[eventfd]", "anon_inode:[pidfd]", "pidfd:"];

    /// <summary>Kinds that only the server opens. It closes them itself, so the count is exact as soon as it has stopped.</summary>
    public static int OfServers() => Count(Servers);

    /// <summary>Sockets, of servers and clients.</summary>
    public static int Sockets() => Count(["socket:"]);

    private static int Count(string[] kinds)
    {
        int count = 0;
        foreach (string fd in Directory.EnumerateFileSystemEntries("/proc/self/fd"))
        {
            string? target = null;
            try
            {
                target = new FileInfo(fd).LinkTarget;
            }
            catch (IOException)
            {
                // Closed since it was listed.
            }

            if (target is not null && kinds.Any(k => target.StartsWith(k, StringComparison.Ordinal)))
            {
                count++;
            }
        }

        return count;
    }
}
