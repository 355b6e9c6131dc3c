using CocoGuest.Tests.EndToEnd.Foreign;

namespace CocoGuest.Tests.EndToEnd.Native;

/// <summary>A dma-buf's pages, mapped by page-frame number, can be had by nobody who goes past the page tables.</summary>
public sealed class UnpinnedTests(NativePrograms programs) : IClassFixture<NativePrograms>
{
    [ForeignFact(ForeignTool.Compiler)]
    [Statement("S-PIN-08", "S-BUF-36")]
    public async Task Run_StrictReadsPastThePageTables_FailOnAMappingAndOnlyThere()
    {
        string program = await programs.BuildAsync("unpinned");
        // The system's folder for such files may be a tmpfs.
        string folder = Path.Combine(AppContext.BaseDirectory, $"unpinned-{Environment.ProcessId}");
        string file = Directory.CreateDirectory(folder) + "/bytes";
        try
        {
            await File.WriteAllBytesAsync(file, new byte[8192]);

            (int exitCode, string output, string said) = await CocoRun.RunAsync(CocoRun.Plain, program, file);

            Assert.True(exitCode == 0, said);
            Assert.Equal(
                [
                    "direct-own 4096", "direct-read EFAULT", "direct-pread EFAULT", "direct-write EFAULT", "direct-readv EFAULT",
                    "direct-misaligned EINVAL", "direct-own-again 4096", "plain 4096", "mem-pread EIO", "mem-pwrite EIO", "mem-read EIO",
                    "mem-own 16", "cloexec 1 1",
                ],
                output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
