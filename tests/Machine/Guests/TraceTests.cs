using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Devices;
using CocoGuest.Machine.Diagnostics;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Tests.Machine.Guests;

/// <summary>Which events a guest's calls emit, and when (S-TRC-22 to 25, 60 to 62).</summary>
public sealed class TraceTests
{
    [Fact]
    [Statement("S-TRC-62")]
    public void Allocate_Success_ExportsThenInstallsTheFd()
    {
        using TestGuest test = Traced(out Func<IEnumerable<string>> names);

        test.Allocate(TestGuest.Shared, 4096);

        Assert.Equal(["dma_buf_export", "dma_buf_fd"], names());
    }

    [Fact]
    [Statement("S-TRC-62")]
    public void Allocate_NoFdLeft_ExportsAndPuts()
    {
        using TestGuest test = Traced(out Func<IEnumerable<string>> names);
        Assert.True(test.Guest.Faults.Inject(new FaultSpec(FaultPoint.FailFd)).Ok);

        Assert.False(test.TryAllocate(TestGuest.Shared, 4096).Ok);

        Assert.Equal(["dma_buf_export", "dma_buf_put"], names());
    }

    [Fact]
    [Statement("S-TRC-62")]
    public void Release_FdAndMapping_GivesNoLine()
    {
        using TestGuest test = Traced(out Func<IEnumerable<string>> names);
        int fd = test.Allocate(TestGuest.Shared, 4096);
        ulong address = test.Map(fd);
        int before = names().Count();

        Assert.Null(test.Guest.Mappings.Munmap(test.Init, address));
        Assert.Null(test.Guest.Buffers.Release(test.Init, fd));

        Assert.Equal(before, names().Count());
    }

    [Fact]
    [Statement("S-TRC-62")]
    public void AttachAndDetach_Events_ComeInTheKernelsOrder()
    {
        using TestGuest test = Traced(out Func<IEnumerable<string>> names);
        ulong attachment = test.Guest.Importers.Attach(test.Init, test.Allocate(TestGuest.Shared, 4096), "").Value.Attachment;
        Assert.Null(test.Guest.Importers.Detach(test.Init, attachment));

        Assert.Equal(["dma_buf_get", "dma_buf_dynamic_attach", "dma_buf_detach", "dma_buf_put"], names().Skip(2));
    }

    [Theory]
    [Statement("S-TRC-62", "S-BUF-102")]
    [InlineData(0UL, 0x11000UL, MapFlags.Shared, true)]
    [InlineData(0UL, 0x11000UL, MapFlags.Private, true)]
    [InlineData(0UL, 0x12000UL, MapFlags.Shared, false)]
    public void Mmap_Call_IsTracedBetweenTheCoresAndTheExportersChecks(ulong offset, ulong length, MapFlags flags, bool traced)
    {
        using TestGuest test = Traced(out Func<IEnumerable<string>> names);
        int fd = test.Allocate(TestGuest.Shared, 0x11000);

        test.Guest.Mappings.Mmap(test.Init, fd, offset, length, MapProtection.Read, flags);

        Assert.Equal(traced, names().Contains("dma_buf_mmap_internal"));
    }

    [Fact]
    [Statement("S-TRC-60", "S-BUF-102")]
    public void DmaBufEvents_Texts_AreThoseOfTheReference()
    {
        using TestGuest test = Traced(out _);
        int fd = test.Allocate(TestGuest.Shared, 8192);
        ulong attachment = test.Guest.Importers.Attach(test.Init, fd, "").Value.Attachment;
        const string Buffer = "exp_name=system_cc_shared size=8192 ino=1";
        string attached = $"{Buffer} attachment:{attachment:x16} is_dynamic=0 dev_name={DeviceSpec.BuiltInName}";

        Assert.Null(test.Guest.Importers.Detach(test.Init, attachment));

        Assert.Equal(
            [Buffer, $"{Buffer} fd={fd}", $"{Buffer} fd={fd}", attached, attached, Buffer],
            test.Guest.Trace.Read(1, 100, out _).Select(e => e.Text));
    }

    [Theory]
    [Statement("S-TRC-61")]
    [InlineData(KernelVersion.V612, false)]
    [InlineData(KernelVersion.V619, false)]
    [InlineData(KernelVersion.SeedV1, false)]
    [InlineData(KernelVersion.V72, true)]
    [InlineData(KernelVersion.V73, true)]
    public void Known_DmaBufEvents_AreThereSince7(KernelVersion kernel, bool there)
    {
        using var test = new TestGuest(Platform.None, kernel);

        Assert.Equal(there, test.Guest.Trace.Set("dma_buf:*", on: true) is null);
    }

    [Theory]
    [Statement("S-SYS-42", "S-SYS-43", "S-TRC-22", "S-TRC-23", "S-TRC-19")]
    [InlineData(KernelVersion.SeedV1, "CC_DECRYPTED")]
    [InlineData(KernelVersion.V72, "CC_SHARED")]
    [InlineData(KernelVersion.V73, "CC_SHARED")]
    public void MapAndUnmap_SharedBuffer_PassesTheAttributeOnMapOnly(KernelVersion kernel, string attribute)
    {
        using var test = new TestGuest(kernel: kernel);
        int fd = kernel == KernelVersion.SeedV1
            ? test.TryAllocate(TestGuest.Private, 4096, heapFlags: 1).Value.Fd
            : test.Allocate(TestGuest.Shared, 4096);
        ulong address = test.Stat(fd).Chunks[0].Address;
        Assert.Null(test.Guest.Trace.Set("*", on: true));

        ulong attachment = test.Guest.Importers.Attach(test.Init, fd, "").Value.Attachment;
        Assert.True(test.Guest.Importers.Map(test.Init, attachment, DmaDirection.ToDevice, 0).Ok);
        Assert.Null(test.Guest.Importers.Unmap(test.Init, attachment));

        string head = $"{DeviceSpec.BuiltInName} dir=TO_DEVICE";
        string array = $"{{0x{address:x}}}";
        Assert.Equal(
            [
                $"dma_map_sg: {head} nents=1/1 ents=1/1 dma_addrs={array} sizes={{0x1000}} phys_addrs={array} attrs={attribute}",
                $"dma_unmap_sg: {head} phys_addrs={array} attrs=",
            ],
            test.Guest.Trace.Read(1, 100, out _)
                .Where(e => e.Name.EndsWith("_sg", StringComparison.Ordinal))
                .Select(e => $"{e.Name}: {e.Text}"));
    }

    [Fact]
    [Statement("S-TRC-17", "S-REC-21")]
    public void Map_On612_ShowsCountsAsTheRecordedStableKernel()
    {
        using var test = new TestGuest(Platform.None, KernelVersion.V612);
        Assert.Null(test.Guest.Trace.Set("dma_map_sg", on: true));

        Assert.True(test.AttachAndMap(test.Allocate(TestGuest.Private, 0x11000)).Mapping.Ok);

        Assert.Contains(
            " nents=2/2 ents=2/2 dma_addrs={", Assert.Single(test.Guest.Trace.Read(1, 9, out _)).Text, StringComparison.Ordinal);
    }

    [Fact]
    [Statement("S-TRC-82")]
    public void Header_AfterEvents_CountsThemInHashLines()
    {
        using TestGuest test = Traced(out _);
        test.Allocate(TestGuest.Shared, 4096);

        IReadOnlyList<string> header = test.Guest.Trace.Header();

        Assert.Equal(["# tracer: nop", "#", "# entries-in-buffer/entries-written: 2/2   #P:1", "#"], header.Take(4));
        Assert.Equal(12, header.Count);
        Assert.All(header, line => Assert.StartsWith("#", line, StringComparison.Ordinal));
    }

    [Fact]
    [Statement("S-TRC-82")]
    public void Header_RingOverrun_TellsHeldFromWritten()
    {
        using TestGuest test = Traced(out _);
        int fd = test.Allocate(TestGuest.Shared, 4096);
        for (int i = 0; i < GuestTrace.Capacity; i++)
        {
            test.Guest.Mappings.Mmap(test.Init, fd, 0, 4096, MapProtection.Read, MapFlags.Private);
        }

        Assert.Contains($": {GuestTrace.Capacity}/{GuestTrace.Capacity + 2} ", test.Guest.Trace.Header()[2], StringComparison.Ordinal);
    }

    [Fact]
    [Statement("S-TRC-83")]
    public void Events_OfAProcess_CarryItsNamePidCpuAndGuestTime()
    {
        using var test = new TestGuest(shape: s => s with { Cpus = 4 });
        GuestProcess process = test.Open("importer");
        int fd = test.Guest.Heaps.Allocate(process, TestGuest.Shared, 4096, 2, 0).Value.Fd;
        test.Register(process);
        ulong attachment = test.Guest.Importers.Attach(process, fd, TestGuest.Nic).Value.Attachment;
        Assert.Null(test.Guest.Trace.Set("dma_map_sg", on: true));
        test.Time.Advance(TimeSpan.FromSeconds(7));

        Assert.True(test.Guest.Importers.Map(process, attachment, DmaDirection.ToDevice, cpu: 3).Ok);

        TraceEvent e = Assert.Single(test.Guest.Trace.Read(1, 9, out _));
        Assert.Equal(("importer", process.Pid, 3u, TimeSpan.FromSeconds(7)), (e.Task, e.Pid, e.Cpu, e.Time));
    }

    [Fact]
    [Statement("S-TRC-83")]
    public void Events_OfANamelessProcess_AreOfEmuAndItsNumber()
    {
        using TestGuest test = Traced(out _);
        GuestProcess process = test.Open("");

        Assert.True(test.Guest.Heaps.Allocate(process, TestGuest.Shared, 4096, 2, 0).Ok);

        Assert.All(test.Guest.Trace.Read(1, 9, out _), e => Assert.Equal($"emu-{process.Pid}", e.Task));
    }

    private static TestGuest Traced(out Func<IEnumerable<string>> names)
    {
        var test = new TestGuest();
        Assert.Null(test.Guest.Trace.Set("dma_buf", on: true));
        names = () => test.Guest.Trace.Read(1, int.MaxValue, out _).Select(e => e.Name);
        return test;
    }
}
