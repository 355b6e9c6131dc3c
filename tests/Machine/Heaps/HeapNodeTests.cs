using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Diagnostics;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Gate;
using CocoGuest.Machine.Heaps;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.Profiles;
using CocoGuest.Tests.Machine.Guests;

namespace CocoGuest.Tests.Machine.Heaps;

public sealed class HeapNodeTests
{
    private const ulong M1 = 1UL << 20;
    private const uint SharedPermissions = 0x1b4;

    [Theory]
    [Statement("S-HEAP-04", "S-HEAP-05", "S-HEAP-07")]
    [InlineData("/dev/dma_heap/system", 0u, Errno.None)]
    [InlineData("/dev/dma_heap/system", OpenFlags.ReadWrite | OpenFlags.Append, Errno.None)]
    [InlineData("/dev/dma_heap/none", 0u, Errno.ENOENT)]
    [InlineData("/dev/dma_heap/system", OpenFlags.Directory, Errno.ENOTDIR)]
    [InlineData("/dev/dma_heap/system", OpenFlags.ReadWrite | OpenFlags.Direct, Errno.EINVAL)]
    [InlineData("/dev/dma_heap/system", OpenFlags.Create | OpenFlags.Exclusive, Errno.EEXIST)]
    public void Open_OfANode_AnswersByFlags(string path, uint flags, Errno errno)
    {
        using var test = new TestGuest();

        Assert.Equal(errno, test.Guest.Tree.Open(test.Init, path, flags).Failure?.Errno ?? Errno.None);
    }

    [Fact]
    [Statement("S-CMA-04")]
    public void Mmap_OfACmaBuffer_TakesSharedMappingsOnly()
    {
        using var test = new TestGuest(shape: s => s with { Cma = "64M" });
        int fd = test.Allocate("default_cma_region", 3 * 4096);

        Assert.Equal(Errno.EINVAL, test.Guest.Mappings.Mmap(test.Init, fd, 0, 4096, null, MapFlags.Private).Failure!.Errno);
        ulong address = test.Guest.Mappings.Mmap(test.Init, fd, 0, null, null, MapFlags.Shared).Value.Address;

        test.Store(address + 8192, "end"u8);
        Assert.Equal("end"u8.ToArray(), test.Load(address + 8192, 3));
    }

    [Fact]
    [Statement("S-TEE-04", "S-TEE-09")]
    public void Map_OfATeeBuffer_LeavesTheCpuOut()
    {
        using var test = new TestGuest(Platform.None, shape: s => s with { TeePools = [new(TeeUse.SecureVideo, M1)] });
        int fd = test.Allocate("protected,secure-video", 4096);
        Assert.Null(test.Guest.Trace.Set("dma", on: true));

        (ulong attachment, _) = test.AttachAndMap(fd);
        Assert.Null(test.Guest.Importers.Unmap(test.Init, attachment));

        Assert.All(test.Guest.Trace.Read(0, 10, out _), e => Assert.EndsWith("attrs=SKIP_CPU_SYNC", e.Text, StringComparison.Ordinal));
        Assert.Equal(["dma_map_sg", "dma_unmap_sg"], test.Guest.Trace.Read(0, 10, out _).Select(e => e.Name));
    }

    [Fact]
    [Statement("S-HEAP-04", "S-HEAP-05")]
    public void Open_ByAnotherUser_NeedsTheNodesPermissions()
    {
        using var test = new TestGuest();
        int node = test.Guest.Tree.Open(test.Init, "/dev/dma_heap/system", 0).Value;
        GuestProcess user = test.Open();
        Assert.Null(test.Guest.Processes.SetCredentials(user, 1000, 1000));
        Assert.Equal(Errno.EACCES, test.Guest.Tree.Open(user, "/dev/dma_heap/system", 0).Failure!.Errno);

        Assert.Null(test.Guest.Files.Fchmod(test.Init, node, SharedPermissions));

        Assert.Null(test.Guest.Tree.Open(user, "/dev/dma_heap/system", 0).Failure);
        Assert.Equal(Errno.EACCES, test.Guest.Tree.Open(user, "/dev/dma_heap/system", OpenFlags.ReadWrite).Failure!.Errno);
    }

    [Theory]
    [Statement("S-HEAP-05")]
    [InlineData(FileCall.Read, Errno.EINVAL)]
    [InlineData(FileCall.Write, Errno.EINVAL)]
    [InlineData(FileCall.Pread, Errno.ESPIPE)]
    [InlineData(FileCall.Pwrite, Errno.ESPIPE)]
    [InlineData(FileCall.Ftruncate, Errno.EINVAL)]
    [InlineData(FileCall.Fsync, Errno.EINVAL)]
    public void Call_OnANode_AnswersByTable(FileCall call, Errno errno)
    {
        using var test = new TestGuest();
        int node = test.Guest.Tree.Open(test.Init, "/dev/dma_heap/system", OpenFlags.ReadWrite).Value;

        Assert.Equal(errno, test.Guest.Files.Call(test.Init, node, call).Failure!.Errno);
        Assert.Equal(Errno.ESPIPE, test.Guest.Files.Lseek(test.Init, node, 0, 0).Failure!.Errno);
        Assert.Equal(Errno.ENODEV, test.Guest.Mappings.Mmap(test.Init, node, 0, 4096, MapProtection.Read, MapFlags.Shared).Failure!.Errno);
    }

    [Fact]
    [Statement("S-HEAP-01", "S-HEAP-04", "S-HEAP-46")]
    public void Minors_AreGivenInOrder_AndOthersHaveNoDevice()
    {
        using var test = new TestGuest(shape: s => s with { Cma = "16M" });

        Assert.Equal(
            [("system", 0U), ("system_cc_shared", 1U), ("default_cma_region", 2U)],
            test.Guest.Heaps.Nodes.Select(n => (n.Name, n.Minor)));
        Assert.Equal((251U << 8) | 2, test.Guest.Tree.Stat(test.Init, "/dev/dma_heap/default_cma_region").Value.RawDevice);
        Assert.Equal(Errno.ENODEV, test.Guest.Heaps.OpenMinor(test.Init, 3, 0).Failure!.Errno);
        Assert.Null(test.Guest.Heaps.OpenMinor(test.Init, 2, 0).Failure);
    }

    [Fact]
    [Statement("S-HEAP-02", "S-HEAP-03")]
    public void Add_ChecksInOrder_DuplicateLast()
    {
        var registry = new HeapRegistry(new FaultBoard(new GuestGate("test")));
        var heap = new NoMemoryHeap();
        var exporter = new HeapExporter("x", heap, HeapExporter.System);
        Assert.Equal("name", registry.Add(Info(""), null, null).Failure!.Field);
        Assert.Equal("ops", registry.Add(Info("a"), null, exporter).Failure!.Field);
        for (int i = 0; i < HeapRegistry.Minors - 1; i++)
        {
            Assert.Equal((uint)i, registry.Add(Info($"heap{i}"), heap, exporter).Value.Info.Minor);
        }

        Assert.Equal(Errno.EINVAL, registry.Add(Info("heap0"), heap, exporter).Failure!.Errno);
        Assert.Equal(127U, registry.Add(Info("last"), heap, exporter).Value.Info.Minor);

        // All minors gone: EBUSY comes before the check for duplicates.
        Assert.Equal(Errno.EBUSY, registry.Add(Info("heap0"), heap, exporter).Failure!.Errno);
    }

    [Fact]
    public void Add_AfterBoot_HasItsNodeAndItsDevice()
    {
        using var test = new TestGuest(Platform.None);
        var heap = new NoMemoryHeap();
        string[] before = test.Guest.Tree.List(test.Init, "/dev/dma_heap").Value;

        Assert.True(test.Guest.Heaps.Registry.Add(Info("late"), heap, new HeapExporter("late", heap, HeapExporter.System)).Ok);

        Assert.Equal(["late", .. before], test.Guest.Tree.List(test.Init, "/dev/dma_heap").Value);
        Assert.Equal("251:1\n"u8.ToArray(), test.Guest.Tree.ReadText(test.Init, "/sys/class/dma_heap/late/dev").Value);
        Assert.Null(test.Guest.Heaps.OpenMinor(test.Init, 1, 0).Failure);
    }

    [Theory]
    [Statement("S-CMA-08")]
    [InlineData(KernelVersion.V612, "reserved")]
    [InlineData(KernelVersion.V72, "default_cma_region")]
    public void CmaHeap_OfTheDefaultArea_HasTheKernelsName(KernelVersion kernel, string name)
    {
        using var test = new TestGuest(Platform.None, kernel, s => s with { Cma = "16M" });

        Assert.Equal(["system", name], test.Guest.HeapNodes.Select(n => n.Name));
    }

    [Fact]
    [Statement("S-CMA-08")]
    public void CmaRegions_OfOneName_TheSecondIsSkippedWithAMessage()
    {
        using var test = new TestGuest(shape: s => s with { CmaRegions = [new("pool@1", M1), new("pool@1", M1)] });

        Assert.Single(test.Guest.HeapNodes, n => n.Name == "pool@1");
        Assert.Contains("cma_heap: Failed to add CMA heap pool@1", test.Snapshot().KernelLog);
        var old = new GuestShape { Name = "old", Kernel = KernelVersion.V612, Platform = Platform.None, CmaRegions = [new("p", M1)] };
        Assert.Equal(Errno.EINVAL, test.Host.Create(old).Failure!.Errno);
    }

    [Fact]
    [Statement("S-CMA-02", "S-CMA-05")]
    public void CmaBuffer_IsOneEntry_AndTheAreaRunsOut()
    {
        using var test = new TestGuest(shape: s => s with { Cma = "4M" });
        int fd = test.Allocate("default_cma_region", 3 * M1);

        Assert.Single(((DmaBuf)test.Init.Fds.Find(fd)!).Segments);
        Assert.Equal(Errno.ENOMEM, test.TryAllocate("default_cma_region", 2 * M1).Failure!.Errno);
        Assert.Equal(Errno.EINVAL, test.TryAllocate("default_cma_region", 4096, heapFlags: 1).Failure!.Errno);
        Assert.Null(test.Guest.Files.Close(test.Init, fd));
        Assert.Null(test.TryAllocate("default_cma_region", 4 * M1).Failure);
    }

    [Fact]
    [Statement("S-TEE-01", "S-TEE-02", "S-TEE-03", "S-TEE-05", "S-TEE-07", "S-TEE-09")]
    public void TeeHeap_GivesMemoryThatTheCpuCannotMap_UntilItsDeviceGoes()
    {
        using var test = new TestGuest(shape: s => s with { TeePools = [new(TeeUse.SecureVideo, M1)] });
        const string heap = "protected,secure-video";
        int fd = test.Allocate(heap, 64 << 10);

        Assert.Equal("tee", test.Stat(fd).Exporter);
        Assert.Equal(Errno.EINVAL, test.Guest.Mappings.Mmap(test.Init, fd, 0, null, null, MapFlags.Shared).Failure!.Errno);
        Assert.Null(test.Guest.Importers.Sync(test.Init, fd, 3).Failure);
        Assert.Equal(64 << 10, test.Guest.Files.Lseek(test.Init, fd, 0, 2).Value);
        Assert.Equal(Errno.ENOMEM, test.TryAllocate(heap, M1).Failure!.Errno);
        Assert.Null(test.Guest.Heaps.RemoveTeeDevice(TeeUse.SecureVideo));
        Assert.Equal(Errno.EINVAL, test.TryAllocate(heap, 4096).Failure!.Errno);
        Assert.Null(test.Guest.Tree.Open(test.Init, $"/dev/dma_heap/{heap}", 0).Failure);
    }

    [Fact]
    [Statement("S-TEE-06", "S-TEE-08", "S-TEE-09")]
    public void TeePools_ThatCannotBe_AreRefused()
    {
        using var test = new TestGuest();
        Assert.DoesNotContain(test.Guest.HeapNodes, n => n.Kind == HeapKind.Tee);

        Assert.Equal(Errno.EINVAL, Create(new TeePoolSpec(TeeUse.TrustedUi, 4097)));
        Assert.Equal(Errno.EINVAL, Create(new TeePoolSpec((TeeUse)7, 4096)));
        Assert.Equal(Errno.EBUSY, Create(new(TeeUse.TrustedUi, 4096), new(TeeUse.TrustedUi, 4096)));

        Errno Create(params TeePoolSpec[] pools) => test.Host.Create(new GuestShape { Name = "tee", TeePools = pools }).Failure!.Errno;
    }

    [Fact]
    [Statement("S-HEAP-53", "S-SYS-09")]
    public void MemAccounting_ChargesTheAllocator_AndARefusedChargeFails()
    {
        using var test = new TestGuest(shape: s => s with { MemAccounting = true });
        GuestProcess app = test.Open();
        Assert.Null(test.Guest.Processes.SetMemoryLimit(app, M1));
        Assert.Equal("Y\n"u8.ToArray(), test.Guest.Tree.ReadText(test.Init, "/sys/module/dma_heap/parameters/mem_accounting").Value);

        int fd = test.Guest.Heaps.Allocate(app, TestGuest.Shared, M1 / 2, 2, 0).Value.Fd;

        Assert.Equal(M1 / 2, app.Cgroup.Charged);
        Assert.Equal(Errno.ENOMEM, test.Guest.Heaps.Allocate(app, TestGuest.Private, M1, 2, 0).Failure!.Errno);
        Assert.Null(test.Guest.Files.Close(app, fd));
        Assert.Equal(0UL, app.Cgroup.Charged);
    }

    [Theory]
    [Statement("S-HEAP-53")]
    [InlineData(KernelVersion.V612, "ENOENT")]
    [InlineData(KernelVersion.V73, "N\n")]
    public void MemAccounting_Parameter_ExistsSince72(KernelVersion kernel, string text)
    {
        using var test = new TestGuest(Platform.None, kernel);

        Result<byte[]> read = test.Guest.Tree.ReadText(test.Init, "/sys/module/dma_heap/parameters/mem_accounting");

        Assert.Equal(text, read.Ok ? System.Text.Encoding.Latin1.GetString(read.Value) : read.Failure.Errno.ToString());
    }

    [Fact]
    [Statement("S-HEAP-30", "S-HEAP-31", "S-SYS-07")]
    public void Allocate_MoreThanThereIs_KillsWhoAskedToGoFirst()
    {
        using var test = new TestGuest();
        GuestProcess child = test.Guest.Processes.Fork(test.Open()).Value;
        ulong free = test.Snapshot().Memory.Free;
        Assert.Equal(Errno.ENOMEM, test.Guest.Heaps.Allocate(child, TestGuest.Private, 1UL << 63, 2, 0).Failure!.Errno);
        Assert.Null(test.Guest.Processes.SetOomScoreAdj(child, 1000));

        Assert.Equal(Errno.EINTR, test.Guest.Heaps.Allocate(child, TestGuest.Private, 1UL << 63, 2, 0).Failure!.Errno);

        Assert.Equal((9, false, free), (child.KilledBy, child.Alive, test.Snapshot().Memory.Free));
    }

    [Theory]
    [Statement("S-HEAP-42", "S-HEAP-48")]
    [InlineData(Platform.SevSnp, KernelVersion.V72, "rdma-control", "system_cc_shared", 0)]
    [InlineData(Platform.SevSnp, KernelVersion.SeedV1, "rdma-control", "system", 1)]
    [InlineData(Platform.None, KernelVersion.V72, "rdma-control", "system", 0)]
    [InlineData(Platform.None, KernelVersion.V72, "scanout", "default_cma_region", 0)]
    [InlineData(Platform.SevSnp, KernelVersion.V72, "scanout", "system_cc_shared", 0)]
    [InlineData(Platform.SevSnp, KernelVersion.V72, "cpu-private", "system", 0)]
    public void ForUse_ByDefault_GivesTheHeapThatServesIt(Platform platform, KernelVersion kernel, string use, string heap, ulong flags)
    {
        using var test = new TestGuest(platform, kernel, s => s with { Cma = "16M" });

        HeapUse row = test.Guest.Heaps.ForUse(use).Value;

        Assert.Equal((heap, flags, true), (row.Heap, row.HeapFlags, row.IsDefault));
        Assert.Null(test.Guest.Heaps.AllocateByUse(test.Init, use, 4096, 2).Failure);
    }

    [Fact]
    [Statement("S-HEAP-48")]
    public void SetUse_ToAnotherHeap_IsWhatProgramsGet()
    {
        using var test = new TestGuest();
        Assert.Equal(Errno.ENOENT, test.Guest.Heaps.ForUse("secure-video").Failure!.Errno);
        Assert.Equal(Errno.ENOENT, test.Guest.Heaps.SetUse("scanout", "none", 0)!.Errno);
        Assert.Equal(Errno.EINVAL, test.Guest.Heaps.SetUse("scanout", "system", 1)!.Errno);

        Assert.Null(test.Guest.Heaps.SetUse("scanout", "system", 0));

        int fd = test.Guest.Heaps.AllocateByUse(test.Init, "scanout", 4096, 2).Value.Fd;
        Assert.Equal("system", test.Stat(fd).Exporter);
        Assert.False(test.Guest.Heaps.ForUse("scanout").Value.IsDefault);
    }

    private static HeapInfo Info(string name) => new(name, 0, 0, AlwaysShared: false);

    private sealed class NoMemoryHeap : Heap
    {
        public override Result<Chunk[]> Allocate(ulong length, bool shared, MemoryCgroup? owner) => new Failure(Errno.ENOMEM, "", "", "");

        public override void Free(ReadOnlySpan<Chunk> chunks, ulong length, bool shared, MemoryCgroup? owner)
        {
        }
    }
}
