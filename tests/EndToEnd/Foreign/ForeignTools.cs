using System.ComponentModel;
using System.Diagnostics;

namespace CocoGuest.Tests.EndToEnd.Foreign;

/// <summary>Finds foreign tools, and says plainly what is missing.</summary>
internal static class ForeignTools
{
    private static readonly (ForeignTool Tool, Lazy<string?> Missing)[] Table =
    [
        (ForeignTool.Python, new(MissingPython)),
        (ForeignTool.Node, new(() => Succeeds("node", "--version") ? null : "Node.js (node) does not start")),
        (ForeignTool.NodeGrpc, new(() => MissingFile(Path.Combine(NodeModules, "@grpc/grpc-js/package.json"), "npm's @grpc/grpc-js"))),
        (ForeignTool.Buf, new(() => MissingFile(Buf, "npm's @bufbuild/buf"))),
        (ForeignTool.Pictures, new(() => MissingFile(Picture(Pictures.Wide), "Debian's desktop-base (pictures)"))),
        (ForeignTool.CMake, new(MissingCMake)),
        (ForeignTool.Sanitizers, new(() => CompilesWithSanitizers() ? null : "the C compiler has no address sanitizer")),
        (ForeignTool.Compiler, new(() => Succeeds("cc", "--version")
            ? MissingFile("/usr/include/linux/dma-heap.h", "Debian's libc6-dev") : "a C compiler (cc) does not start")),
        (ForeignTool.Busybox, new(() => MissingFile(Busybox, "Debian's busybox-static"))),
        (ForeignTool.LibDrmTests, new(() => MissingFile(DrmDevice, "Debian's libdrm-tests"))),
        (ForeignTool.Go, new(() => Succeeds("go", "version") ? null : "Go (go) does not start")),
        (ForeignTool.KernelTests, new(() => MissingFile(
            Path.Combine(KernelTests, "tools/testing/selftests/dmabuf-heaps/dmabuf-heap.c"), "Debian's linux-source-6.12"))),
        (ForeignTool.PlainPython, new(() => MissingFile(Python, "Debian's python3"))),
        (ForeignTool.Make, new(() => Succeeds("make", "--version") ? null : "make does not start")),
        (ForeignTool.NoHeaps, new(() => Directory.Exists("/dev/dma_heap") ? "this machine has heaps of its own in /dev/dma_heap" : null)),
        (ForeignTool.Podman, new(() =>
            Succeeds("podman", [.. Container.Options, "/bin/true"]) ? null : "podman cannot start a container here")),
        (ForeignTool.Nobody, new(() => Succeeds(AsNobody[0], [.. AsNobody[1..], Processes.Programs.Coco, "--version"])
            ? null : "nobody may not start coco here (needs root, and folders that are open to all)")),
        (ForeignTool.Root, new(() => Environment.IsPrivilegedProcess ? null : "needs root to make a set-uid program")),
    ];

    /// <summary>The Python that Debian's packages belong to; another one may come first on PATH.</summary>
    public static string Python => "/usr/bin/python3";

    /// <summary>What makes root an ordinary user.</summary>
    public static string[] AsNobody => ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];

    /// <summary>The folder that npm installed into.</summary>
    public static string NodeModules => Environment.GetEnvironmentVariable("COCOGUEST_TEST_NODE_MODULES") is { Length: > 0 } folder
        ? folder
        : Path.Combine(Repository.Root, ".test/node/node_modules");

    /// <summary>Debian's static busybox; another one may come first on PATH.</summary>
    public static string Busybox => "/bin/busybox";

    /// <summary>libdrm's program that lists devices.</summary>
    public static string DrmDevice => "/usr/bin/drmdevice";

    /// <summary>What test.sh keeps of the kernel's source.</summary>
    public static string KernelTests => Environment.GetEnvironmentVariable("COCOGUEST_TEST_KERNEL") is { Length: > 0 } folder
        ? folder
        : Path.Combine(Repository.Root, ".test/kernel");

    /// <summary>buf.</summary>
    public static string Buf => Path.Combine(NodeModules, ".bin/buf");

    /// <summary>Path of a picture of desktop-base.</summary>
    public static string Picture(string path) => Path.Combine(
        Environment.GetEnvironmentVariable("COCOGUEST_TEST_PICTURES") is { Length: > 0 } folder
            ? folder
            : Path.Combine(Repository.Root, ".test/pictures"),
        path);

    /// <summary>Why a test cannot run here, or null.</summary>
    public static string? SkipReason(ForeignTool needed)
    {
        string[] missing = [.. Table.Where(row => needed.HasFlag(row.Tool)).Select(row => row.Missing.Value).OfType<string>()];
        return missing.Length == 0 ? null : $"{string.Join("; ", missing)} (./test.sh installs it)";
    }

    private static string? MissingPython() =>
        MissingFile(Python, "Debian's python3")
        ?? MissingFile("/usr/bin/protoc", "Debian's protobuf-compiler")
        ?? MissingFile("/usr/bin/grpc_python_plugin", "Debian's protobuf-compiler-grpc")
        ?? MissingFile("/usr/include/google/protobuf/any.proto", "Debian's libprotobuf-dev")
        ?? (Succeeds(Python, "-c", "import grpc, google.protobuf") ? null : "Debian's python3-grpcio or python3-protobuf is missing");

    private static string? MissingCMake() =>
        !Succeeds("cmake", "--version") ? "cmake does not start" : Succeeds("pkg-config", "--version") ? null : "pkg-config does not start";

    // A compiler may know the flag and lack the library.
    private static bool CompilesWithSanitizers() =>
        Succeeds("sh", "-c", "echo 'int main(void) { return 0; }' | cc -x c - -fsanitize=address,undefined -o /dev/null");

    private static string? MissingFile(string path, string name) => File.Exists(path) ? null : $"{name} is missing ({path})";

    private static bool Succeeds(string program, params string[] arguments)
    {
        try
        {
            var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
            start.Environment["CONTAINERS_CONF"] = Container.Configuration;
            using Process process = Process.Start(start)!;
            process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (Win32Exception)
        {
            return false;
        }
    }
}
