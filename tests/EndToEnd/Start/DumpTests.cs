using System.Globalization;
using CocoGuest.Linux.Files;
using CocoGuest.Linux.Processes;
using CocoGuest.Tests.EndToEnd.Processes;

namespace CocoGuest.Tests.EndToEnd.Start;

/// <summary>Private bytes of guests pass through the server, so its memory is nobody's to look at but root's.</summary>
public sealed class DumpTests
{
    private const uint Nobody = 65534;

    [Fact]
    public async Task Server_OfAnOrdinaryUser_HidesItsMemoryFromThatUser()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("coco-e2e-");
        File.SetUnixFileMode(folder.FullName, (UnixFileMode)0x1ff);
        string[] command = [Programs.Server, "--runtime-dir", Path.Combine(folder.FullName, "run"), "--no-tcp"];
        string id = Nobody.ToString(CultureInfo.InvariantCulture);
        // Of a process that may be dumped, these files belong to its user; of another one, to root.
        await using (ChildProgram server = UnixUser.EffectiveId == 0
            ? ChildProgram.Start("setpriv", ["--reuid", id, "--regid", id, "--clear-groups", .. command])
            : ChildProgram.Start(command[0], command[1..]))
        {
            await server.ReadLineAsync(line => line.StartsWith("Try:", StringComparison.Ordinal));
            string[] files = ["mem", "fd", "maps", "environ"];
            Assert.All(files, file => Assert.Equal(0u, UnixFiles.StatusOf($"/proc/{server.Pid}/{file}")!.Value.Owner));
        }

        folder.Delete(recursive: true);
    }
}
