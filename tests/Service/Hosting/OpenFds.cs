namespace CocoGuest.Tests.Service.Hosting;

/// <summary>How many fds of each kind this process has open; only kinds that a server opens and has to close.</summary>
internal static class OpenFds
{
    private static readonly string[] Kinds = ["/memfd:", "anon_inode:[eventfd]", "anon_inode:[pidfd]", "pidfd:", "socket:"];

    public static int Count()
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

            if (target is not null && Kinds.Any(k => target.StartsWith(k, StringComparison.Ordinal)))
            {
                count++;
            }
        }

        return count;
    }
}
