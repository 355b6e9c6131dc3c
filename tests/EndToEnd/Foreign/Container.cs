namespace CocoGuest.Tests.EndToEnd.Foreign;

/// <summary>
/// A container without privileges: podman's default seccomp profile, no capability, no network. Its files are this machine's under an
/// overlay, so nothing has to be built or fetched for it.
/// </summary>
internal static class Container
{
    private static readonly Lazy<string> File = new(() =>
    {
        // Machines of a CI often have neither cgroups that podman knows nor the right to raise limits.
        string path = Path.Combine(Directory.CreateTempSubdirectory("coco-e2e-podman-").FullName, "containers.conf");
        System.IO.File.WriteAllText(path, """
            [containers]
            default_ulimits = ["nofile=1024:20000", "nproc=1024:20000"]
            [engine]
            runtime = "runc"
            cgroup_manager = "cgroupfs"
            events_logger = "file"
            """);
        return path;
    });

    /// <summary>For CONTAINERS_CONF.</summary>
    public static string Configuration => File.Value;

    /// <summary>What comes before the program.</summary>
    public static string[] Options => ["run", "--rm", "--network=none", "--cap-drop=all", "--rootfs", "/:O"];
}
