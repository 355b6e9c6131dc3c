using CocoGuest.Tests.EndToEnd.Foreign;

namespace CocoGuest.Tests.EndToEnd.Native;

/// <summary>
/// Paths of the host under <c>coco run</c>, whatever they look like: the kernel answers in the program, with its rights and in its root.
/// What is expected is what the same script prints without <c>coco run</c>.
/// </summary>
public sealed class PathTests(NativePrograms programs) : IClassFixture<NativePrograms>
{
    private static readonly string[] Options = ["--quiet", "--platform", "none", "--kernel", "7.2"];

    private const string Start =
        """
        import errno, os, shutil, stat, sys, tempfile
        top = tempfile.mkdtemp(); os.chmod(top, 0o755); os.chdir(top)
        def put(path, text):
            with open(path, 'w') as file: file.write(text)
        def tell(call, *args, **more):
            try:
                return call(*args, **more)
            except OSError as e:
                return errno.errorcode[e.errno]
        def size(path, **more):
            found = tell(os.stat, path, **more)
            return found if isinstance(found, str) else found.st_size
        def child(work):
            sys.stdout.flush()
            pid = os.fork()
            if pid == 0:
                work(); sys.stdout.flush(); os._exit(0)
            os.waitpid(pid, 0)
        def nobody():
            os.setgroups([]); os.setgid(65534); os.setuid(65534)

        """;

    [ForeignFact(ForeignTool.PlainPython)]
    public async Task Run_RmtreeOfALinkByDotDot_LeavesWhatIsBehindIt() => await PrintsAsync(
        "True\n['1.jpg'] True\n",
        """
        os.makedirs('keep/photos'); put('keep/photos/1.jpg', 'x'); os.makedirs('build/w'); os.symlink('../keep', 'build/cache')
        os.chdir('build/w')
        print(os.path.islink('../cache'))
        shutil.rmtree('../cache', ignore_errors=True)
        print(os.listdir(top + '/keep/photos'), os.path.lexists(top + '/build/cache'))
        """);

    [ForeignFact(ForeignTool.PlainPython)]
    public async Task Run_DotDotBehindALink_IsTheParentOfWhatItLeadsTo() => await PrintsAsync(
        "13 ENOENT\nthe right one\nTrue False\n13 13 d/e\nTrue\nTrue\n",
        """
        os.makedirs('d/e'); put('d/f', 'the right one'); put('f', 'wrong'); os.symlink('d/e', 'l'); os.mkdir('w')
        os.symlink('f', 'rel..1')
        print(size('l/../f'), size('nonexist/../f'))
        print(open('l/../f').read())
        os.chdir('w')
        print(os.access('../l/../f', os.R_OK), os.access('../no/../f', os.R_OK))
        os.chdir(top + '/l')
        print(size('../f'), size('../f', dir_fd=os.open('.', os.O_PATH)), os.readlink('../../l'))
        print(os.path.islink(top + '/rel..1'))
        print(os.stat('/proc/self/fd/../exe').st_ino == os.stat('/proc/self/exe').st_ino)
        """);

    [ForeignFact(ForeignTool.PlainPython | ForeignTool.Root)]
    public async Task Run_AsNobody_GainsNoRights()
    {
        string elf = Path.Combine(programs.Folder, "elf32-secret");
        Elf32.Write(elf);
        await PrintsAsync(
            "EACCES EACCES False EACCES\nEACCES EACCES\nEACCES\n",
            $$"""
            os.mkdir('secret', 0o700); put('secret/file', 'own'); os.mkdir('secret/x')
            shutil.copy('{{elf}}', 'secret/program'); os.chmod('secret/program', 0o755)
            def look():
                nobody()
                behind = 'secret/../secret/file'
                print(size('secret/file'), size(behind), os.access(behind, os.F_OK), size('secret/x/../file'))
                print(size('secret/../f', follow_symlinks=False), tell(os.readlink, 'secret/../secret/file'))
                print(tell(os.execv, 'secret/program', ['program']))
            child(look)
            """);
    }

    [ForeignFact(ForeignTool.PlainPython | ForeignTool.Root)]
    public async Task Run_InAChrootWhoseDevIsALink_StaysInTheChroot() => await PrintsAsync(
        "6 ENOENT ENOENT 6\n6 ENOENT\nTrue\n",
        """
        os.makedirs('root/etc'); os.makedirs('root/sub'); put('root/etc/hostname', 'inside'); os.symlink('/', 'root/dev')
        def look():
            os.chroot('root'); os.chdir('/')
            print(size('/etc/hostname'), size('/x/../etc/hostname'), size('/../etc/shadow'), size('/sub/../etc/hostname'))
            dev = os.open('/dev', os.O_RDONLY | os.O_DIRECTORY)
            print(size('etc/hostname', dir_fd=dev), size('etc/shadow', dir_fd=dev))
            print(os.path.samestat(os.fstat(dev), os.stat('/')))
        child(look)
        """);

    [ForeignFact(ForeignTool.PlainPython)]
    public async Task Run_PathsToTheGuestByDotDotAndLinks_AreTheGuests() => await PrintsAsync(
        "True True ENOTDIR ENOENT\nTrue\n",
        """
        os.mkdir('a'); os.chdir('a'); put('f', ''); up = '../' * 20
        def heap(path):
            found = tell(os.stat, path)
            return found if isinstance(found, str) else stat.S_ISCHR(found.st_mode)
        ways = [up, f'{top}/a/../{up}', f'f/../{up}', f'no/../{up}']
        print(*[heap(way + 'dev/./dma_heap/system') for way in ways])
        print(os.path.samestat(os.lstat('/dev/dma_heap/..'), os.lstat('/dev')))
        """);

    [ForeignTheory(ForeignTool.Compiler)]
    [InlineData("ls -la /dev/dma_heap /dev/dri /sys/class/dma_heap /sys/kernel/debug/dma_buf > /dev/null")]
    [InlineData("for folder in /dev/dma_heap /dev/dri /sys/class/dma_heap; do test -r $folder/.. && test -x $folder/../. || exit 1; done")]
    [InlineData("test ! -e /dev/dma_heap/../nothing && test -d /dev/dma_heap/.. && test ! -x /dev/dma_heap/system/..")]
    public async Task Run_ParentsOfTheGuestsFolders_AreThere(string script)
    {
        (int exitCode, string output, string said) = await CocoRun.RunAsync(["--quiet"], "sh", "-ec", script);

        Assert.Equal((0, "", ""), (exitCode, output, said));
    }

    [ForeignFact(ForeignTool.PlainPython)]
    public async Task Run_AttributesOfAParent_AreThoseOfAFolderWithoutAny() => await PrintsAsync(
        "[] [] ENODATA ENODATA True False\n",
        """
        up = '/dev/dma_heap/..'
        print(os.listxattr(up), os.listxattr(up, follow_symlinks=False), tell(os.getxattr, up, 'user.x'),
            tell(lambda p: os.getxattr(p, 'security.selinux', follow_symlinks=False), up), os.access(up, os.R_OK | os.X_OK),
            os.access('/dev/dma_heap/../nothing', os.F_OK))
        """);

    private static async Task PrintsAsync(string expected, string body)
    {
        string script = $"{Start}\n{body}\nos.chdir('/'); shutil.rmtree(top)\n";
        (int exitCode, string output, string said) = await CocoRun.RunAsync(Options, ForeignTools.Python, "-c", script);

        Assert.True(exitCode == 0, said);
        Assert.Equal(expected, output);
    }

    [ForeignFact(ForeignTool.Compiler | ForeignTool.NoHeaps)]
    public async Task Run_NewNamesAndOpensThatNoKernelTakes_AreRefused()
    {
        (int exitCode, string output, string said) = await CocoRun.RunAsync(CocoRun.Plain, await programs.BuildAsync("names"));

        Assert.True(exitCode == 0, said);
        Assert.Equal(
            [
                "mkdir EEXIST", "mkdir-slash EEXIST", "mkdirat EEXIST", "mkdir-node EEXIST", "mkdir-heap EEXIST", "mkdir-below ENOTDIR",
                "mkdir-heap-slash EEXIST", "mkdir-heap-dot ENOTDIR", "mknod-below-up ENOTDIR",
                "mkdir-missing ENOENT", "mkdir-sysfs EPERM", "mknod EEXIST", "mknodat EEXIST", "symlink EEXIST", "symlinkat EEXIST",
                "resolve EINVAL", "flags EINVAL", "mode EINVAL", "path-and-more EINVAL", "small EINVAL",
                "large E2BIG", "page ok", "page-not-empty E2BIG", "known ok",
            ],
            output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.False(Directory.Exists("/dev/dma_heap"));
    }
}
