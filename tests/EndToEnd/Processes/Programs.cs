namespace CocoGuest.Tests.EndToEnd.Processes;

/// <summary>Where the built programs, the protos and the foreign clients are.</summary>
internal static class Programs
{
    /// <summary>The server.</summary>
    public static string Server => Built("src/GuestService", "CocoGuest.Service");

    /// <summary>The command line.</summary>
    public static string Coco => Built("src/Clients/Cli", "coco");

    /// <summary>The RDMA importer.</summary>
    public static string RdmaImporter => Built("src/Clients/RdmaImporter", "rdma-importer");

    /// <summary>The DRM importer.</summary>
    public static string DrmImporter => Built("src/Clients/DrmImporter", "drm-importer");

    /// <summary>The .proto files.</summary>
    public static string Protos => Path.Combine(Repository.Root, "protos");

    /// <summary>A file of the foreign clients.</summary>
    public static string Foreign(string path) => Path.Combine(Repository.Root, "tests/EndToEnd/Foreign", path);

    /// <summary>A file of the programs that `coco run` is tried with.</summary>
    public static string Native(string path) => Path.Combine(Repository.Root, "tests/EndToEnd/Native", path);

    /// <summary>A recorded run of a real kernel.</summary>
    public static string Recording(string name) => Path.Combine(Repository.Root, "tests/Conformance/Recordings", $"{name}.jsonl.gz");

    // .../tests/EndToEnd/bin/Release/net10.0/ -> Release/net10.0, so that a test runs what was built with it.
    private static string Built(string project, string program)
    {
        var own = new DirectoryInfo(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar));
        return Path.Combine(Repository.Root, project, "bin", own.Parent!.Name, own.Name, program);
    }
}
