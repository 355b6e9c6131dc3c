using CocoGuest.Tests.EndToEnd.Foreign;
using CocoGuest.Tests.EndToEnd.Processes;

namespace CocoGuest.Tests.EndToEnd.CClient;

/// <summary>The installed C library: it may go to any prefix, and finds the server by the variables that every client takes.</summary>
public sealed class CInstallTests(SharedServer shared, CClientBuild build) : IClassFixture<SharedServer>, IClassFixture<CClientBuild>
{
    private const string Program =
        """
        #include <cocoguest.h>
        #include <stdio.h>
        int main(void)
        {
            struct coco *guest = coco_connect(NULL);
            if (guest == NULL || coco_open_process(guest, NULL, "installed", NULL) < 0) {
                fprintf(stderr, "%s\n", coco_last_error());
                return 1;
            }
            puts("connected");
            return 0;
        }
        """;

    [ForeignTheory(ForeignTool.Compiler | ForeignTool.CMake)]
    [InlineData("cmake --install 'BUILD' --prefix 'TO'", "")]
    [InlineData("cmake --install 'BUILD' && mv 'BUILD/prefix' 'TO'", "")]
    [InlineData("DESTDIR='TO' cmake --install 'BUILD' && mv 'TO/BUILD/prefix' 'TO/usr'", "/usr")]
    [InlineData("cmake 'BUILD' -DCMAKE_INSTALL_LIBDIR=lib/multi > /dev/null && cmake --install 'BUILD' --prefix 'TO'", "", "lib/multi")]
    public async Task Install_AtAnotherPrefix_IsFoundByPkgConfig(string install, string below, string lib = "lib")
    {
        string to = Directory.CreateTempSubdirectory("coco-c-to-").FullName;
        // A build of its own, as some of these change it.
        string folder = to + "-build";
        await ShellAsync(
            $"cmake -S '{CClientBuild.Sources}' -B '{folder}' -DCMAKE_INSTALL_PREFIX='{folder}/prefix' -DCMAKE_INSTALL_LIBDIR=lib "
            + $"-DCOCOGUEST_TESTS=OFF > /dev/null && cmake --build '{folder}' > /dev/null && rmdir '{to}'");
        await ShellAsync(install.Replace("BUILD", folder, StringComparison.Ordinal).Replace("TO", to, StringComparison.Ordinal));
        await ShellAsync($"rm -rf '{folder}'");

        await CompileAsync(Path.Combine(to + below, lib), Path.Combine(to, "program"));
        string output = await ShellAsync($"'{to}/program'", ("COCOGUEST_BROKER_SOCKET", shared.Server.BrokerPath));
        Directory.Delete(to, recursive: true);

        Assert.Equal("connected\n", output);
    }

    [ForeignTheory(ForeignTool.Compiler | ForeignTool.CMake)]
    [InlineData("COCOGUEST_SOCKET=FOLDER/cocoguest.sock")]
    [InlineData("COCOGUEST_SOCKET=unix:FOLDER/cocoguest.sock")]
    [InlineData("COCOGUEST_SOCKET=cocoguest.sock")]
    [InlineData("COCOGUEST_SOCKET=/nowhere/cocoguest.sock COCOGUEST_BROKER_SOCKET=FOLDER/broker.sock")]
    [InlineData("COCOGUEST_SOCKET=FOLDER/cocoguest.sock COCOGUEST_BROKER_SOCKET= XDG_RUNTIME_DIR=/nowhere")]
    [InlineData("COCOGUEST_SOCKET=/nowhere/cocoguest.sock XDG_RUNTIME_DIR=RUNTIME")]
    public async Task Connect_ByTheEnvironmentAlone_FindsTheServer(string environment)
    {
        await build.InstallAsync();
        string program = Path.Combine(build.Folder, "connects");
        await CompileAsync(build.Prefix + "/lib", program);
        string folder = Path.GetDirectoryName(shared.Server.BrokerPath)!;
        string runtime = Path.Combine(build.Folder, "runtime");
        await ShellAsync($"mkdir -p '{runtime}' && ln -sfn '{folder}' '{runtime}/cocoguest'");

        string set = environment.Replace("FOLDER", folder, StringComparison.Ordinal)
            .Replace("=RUNTIME", "=" + runtime, StringComparison.Ordinal);
        Assert.Equal("connected\n", await ShellAsync($"cd '{folder}' && env {set} '{program}'"));
    }

    private static async Task CompileAsync(string lib, string program)
    {
        await File.WriteAllTextAsync(program + ".c", Program);
        await ShellAsync(
            $"cc -std=c11 '{program}.c' $(pkg-config --cflags --libs cocoguest) -o '{program}'", ("PKG_CONFIG_PATH", lib + "/pkgconfig"));
    }

    private static async Task<string> ShellAsync(string script, params (string, string)[] environment)
    {
        (int exitCode, string output, string said) = await ChildProgram.RunAsync("/bin/sh", ["-ec", script], environment);
        Assert.True(exitCode == 0, $"{script}\n{said}");
        return output;
    }
}
