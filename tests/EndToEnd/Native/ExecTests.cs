using CocoGuest.Tests.EndToEnd.Foreign;

namespace CocoGuest.Tests.EndToEnd.Native;

/// <summary>exec under <c>coco run</c> is the kernel's: what a path is, and who may start it, nobody else looks at.</summary>
public sealed class ExecTests(NativePrograms programs) : IClassFixture<NativePrograms>
{
    [ForeignFact(ForeignTool.Compiler)]
    public async Task Run_ExecOfWhatIsNoProgram_IsRefusedAtOnceAndOwnFdsRun()
    {
        string folder = Directory.CreateDirectory(Path.Combine(programs.Folder, "exec_paths.d")).FullName;

        (int exitCode, string output, string said) = await CocoRun.RunAsync(
            CocoRun.Plain, await programs.BuildAsync("exec_paths"), folder);

        Assert.True(exitCode == 0, said);
        Assert.Equal(
            "fifo EACCES\nclosed-fifo EACCES\nlink-to-fifo EACCES\nsocket EACCES\nfolder EACCES\ndevice EACCES\nnothing ENOENT\n"
            + "own-fds 10 of 10\n", output);
    }

    [ForeignFact(ForeignTool.Compiler | ForeignTool.Root)]
    public async Task Run_FileSystemWhoseServerIsInTheRun_WaitsForNobody()
    {
        string folder = Directory.CreateDirectory(Path.Combine(programs.Folder, "fuse.d")).FullName;

        (int exitCode, string output, string said) = await CocoRun.RunAsync(
            CocoRun.Plain, await programs.BuildAsync("fuse"), folder);

        Assert.True(exitCode == 0, said);
        Assert.SkipWhen(output == "no-fuse\n", "Nobody may mount a file system of a program's own here.");
        Assert.Equal(
            "exec 0\nstat 0\nopen 0\nfstat 0\nioctl ENOTTY\naccess 0\nreadlink 1\nchdir 0\nrelative 0\nchdir 0\nunmount 0\n", output);
    }
}
