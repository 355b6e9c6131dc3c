using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Drm;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Natives;
using CocoGuest.Machine.Profiles;
using CocoGuest.Tests.Machine.Guests;
using CocoGuest.Tests.Machine.Platforms;
using CocoGuest.Tests.Machine.Properties;

namespace CocoGuest.Tests.Machine.Natives;

/// <summary>Private buffers that native processes map: one memory for the guest, and no new way for anybody else.</summary>
public sealed class PrivateMemoryTests
{
    private const int Bytes = 139264;
    private const string Cma = "default_cma_region";
    private static readonly byte[] Word = "what a native process stored"u8.ToArray();

    [Theory]
    [Statement("S-PLAT-10", "S-PLAT-11", "S-PLAT-12", "S-PLAT-13", "S-PLAT-14", "S-PLAT-21")]
    [InlineData(Platform.None)]
    [InlineData(Platform.Sev)]
    [InlineData(Platform.SevEs)]
    [InlineData(Platform.SevSnp)]
    [InlineData(Platform.SevSnpVtom)]
    [InlineData(Platform.Tdx)]
    [InlineData(Platform.CcaRealm)]
    [InlineData(Platform.Pkvm)]
    [InlineData(Platform.S390)]
    [InlineData(Platform.PowerSvm)]
    public void EveryView_OfABufferThatANativeProcessMapped_IsThatOfOneThatNobodyMapped(Platform platform)
    {
        var mapped = new List<string>();
        var plain = new List<string>();

        MappedViews.Run(platform, native: true, mapped);
        MappedViews.Run(platform, native: false, plain);

        Assert.Equal(plain, mapped);
    }

    [Fact]
    public void PlantedStore_ThatTheOtherGuestDoesNotGet_IsSeenInTheViews()
    {
        var mapped = new List<string>();
        var plain = new List<string>();

        MappedViews.Run(Platform.Sev, native: true, mapped, planted: true);
        MappedViews.Run(Platform.Sev, native: false, plain);

        Assert.NotEqual(plain, mapped);
    }

    [Theory]
    [Statement("S-PLAT-21")]
    [InlineData(Platform.Sev)]
    [InlineData(Platform.SevEs)]
    [InlineData(Platform.SevSnp)]
    [InlineData(Platform.Tdx)]
    [InlineData(Platform.CcaRealm)]
    public void ToShared_Mapping_ShowsWhatTheSharedPageHeldAndIsCutOff(Platform platform)
    {
        using var test = new PlatformGuest(platform);
        (int fd, _, ulong phys) = test.Filled(TestGuest.Private, 8192);
        using FileStream memory = Open(test.Guest, test.Init, fd);

        Assert.Null(test.Convert(fd, ConversionDirection.ToShared, 0, 4096).Failure);
        byte[] shared = test.HostRead(phys, 4096).Value;
        Assert.Equal(shared, memory.Read(4096));
        memory.Write(Word);

        Assert.Equal(shared, test.HostRead(phys, 4096).Value);
        Assert.Equal(PlatformGuest.Pattern(8192)[4096..], memory.Read(4096, 4096));
    }

    [Theory]
    [Statement("S-PLAT-21")]
    [InlineData(Platform.S390)]
    [InlineData(Platform.Pkvm)]
    [InlineData(Platform.PowerSvm)]
    public void ToShared_PlatformThatKeepsPages_LeavesTheMappingOnThem(Platform platform)
    {
        using var test = new PlatformGuest(platform);
        (int fd, _, ulong phys) = test.Filled(TestGuest.Private);
        using FileStream memory = Open(test.Guest, test.Init, fd);

        Assert.Null(test.Convert(fd, ConversionDirection.ToShared).Failure);
        memory.Write(Word);
        Assert.Equal(Word, test.HostRead(phys, Word.Length).Value);
        Assert.Null(test.Convert(fd, ConversionDirection.ToPrivate).Failure);

        Assert.Equal(Word, memory.Read(Word.Length));
    }

    [Theory]
    [Statement("S-PLAT-21")]
    [InlineData(Platform.Sev)]
    [InlineData(Platform.SevSnp)]
    [InlineData(Platform.Tdx)]
    [InlineData(Platform.CcaRealm)]
    public void ThereAndBack_Mapping_IsOnTheFramesAgain(Platform platform)
    {
        using var test = new PlatformGuest(platform);
        (int fd, ulong map, _) = test.Filled(TestGuest.Private, 8192);
        using FileStream memory = Open(test.Guest, test.Init, fd);

        Assert.Null(test.Convert(fd, ConversionDirection.ToShared, 4096, 4096).Failure);
        memory.Write(Word, 4096);
        Assert.Null(test.Convert(fd, ConversionDirection.ToPrivate, 4096, 4096).Failure);
        Assert.Equal(test.Load(map, 8192).Value, memory.Read(8192));
        memory.Write(Word, 5000);

        Assert.Equal(Word, test.Load(map + 5000, Word.Length).Value);
    }

    [Fact]
    [Statement("S-PLAT-21")]
    public void OpenMemory_PartSharedAlready_ShowsItAndTakesItBack()
    {
        using var test = new PlatformGuest(Platform.Sev);
        (int fd, ulong map, ulong phys) = test.Filled(TestGuest.Private, 8192);
        Assert.Null(test.Convert(fd, ConversionDirection.ToShared, 0, 4096).Failure);

        using FileStream memory = Open(test.Guest, test.Init, fd);
        Assert.Equal(test.HostRead(phys, 4096).Value, memory.Read(4096));
        memory.Write(Word);
        Assert.Null(test.Convert(fd, ConversionDirection.ToPrivate, 0, 4096).Failure);

        Assert.Equal(PlatformGuest.Pattern(8192), memory.Read(8192));
        Assert.Equal(PlatformGuest.Pattern(8192), test.Load(map, 8192).Value);
    }

    [Theory]
    [Statement("S-PLAT-21", "S-BUF-91")]
    [InlineData(Platform.Sev)]
    [InlineData(Platform.SevSnp)]
    [InlineData(Platform.Tdx)]
    [InlineData(Platform.S390)]
    public void Release_OldMapping_ReadsZerosAndReachesNobody(Platform platform)
    {
        using var test = new PlatformGuest(platform);
        int fd = test.Guest.Heaps.Allocate(test.Init, TestGuest.Private, 4096, 2, 0).Value.Fd;
        using FileStream memory = Open(test.Guest, test.Init, fd);
        memory.Write(Word);

        Assert.Null(test.Guest.Buffers.Release(test.Init, fd));
        Assert.Equal(new byte[Word.Length], memory.Read(Word.Length));
        memory.Write(Word);
        int next = test.Guest.Heaps.Allocate(test.Init, TestGuest.Private, 4096, 2, 0).Value.Fd;
        ulong map = test.Guest.Mappings.Mmap(test.Init, next, 0, null, null, MapFlags.Shared).Value.Address;

        Assert.Equal(new byte[4096], test.Load(map, 4096).Value);
    }

    [Fact]
    [Statement("S-SWI-34")]
    public void Map_PrivateBuffer_StillBounces()
    {
        using var test = new TestGuest();
        int fd = test.Allocate(TestGuest.Private, 8192);
        using FileStream memory = Open(test.Guest, test.Init, fd);
        memory.Write(Word, 4096);

        ulong dma = test.AttachAndMap(fd).Mapping.Value.AddressOf(0);
        Assert.Equal(Word, test.DmaRead(dma + 4096, Word.Length));
        test.DmaWrite(dma, "device"u8);
        Assert.Equal(new byte[6], memory.Read(6));
        Assert.True(test.Guest.Importers.Sync(test.Init, fd, 1).Ok);

        Assert.Equal("device"u8.ToArray(), memory.Read(6));
    }

    [Fact]
    [Statement("S-BUF-30")]
    public void OpenMemory_ReadOnlyBuffer_CannotBeWritten()
    {
        using var test = new TestGuest();
        int fd = test.TryAllocate(TestGuest.Private, 4096, fdFlags: 0).Value.Fd;
        NativeFile file = test.Guest.Natives.Adopt(test.Init, fd).Value;

        using FileStream memory = test.Guest.OpenFile(file, FileAccess.Read);

        Assert.ThrowsAny<Exception>(() => memory.Write(Word));
        Assert.Equal(new byte[16], memory.Read(16));
    }

    [Theory]
    [InlineData(TestGuest.Private)]
    [InlineData(TestGuest.Shared)]
    public void OpenMemory_Twice_GivesOneMemoryInTwoOpenFiles(string heap)
    {
        using var test = new TestGuest();
        NativeFile file = test.Guest.Natives.Adopt(test.Init, test.Allocate(heap, 4096)).Value;
        using FileStream one = test.Guest.OpenFile(file);
        using FileStream other = test.Guest.OpenFile(file);

        one.Write(Word);
        one.Seek(100, SeekOrigin.Begin);

        Assert.Equal(Word, other.Read(Word.Length));
        Assert.Equal(0, other.Seek(0, SeekOrigin.Current));
    }

    [Fact]
    public void Mmap_PrivateBufferWithMemory_GivesNoFdToOthers()
    {
        using var test = new TestGuest();
        int fd = test.Allocate(TestGuest.Private, 4096);
        using FileStream memory = Open(test.Guest, test.Init, fd);

        Assert.Null(test.Guest.Mappings.Mmap(test.Init, fd, 0, null, null, MapFlags.Shared).Value.Backing);
        Assert.Null(test.AttachAndMap(fd).Mapping.Value.Backing);
        Assert.False(test.Stat(fd).HostVisible);
    }

    [Fact]
    [Statement("S-CMA-04")]
    public void OpenMemory_CmaBuffer_IsItsMemory()
    {
        using var test = new TestGuest(shape: s => s with { Cma = "64M" });
        int fd = test.Allocate(Cma, Bytes);
        using FileStream memory = Open(test.Guest, test.Init, fd);
        memory.Write(Word, 131072);

        Assert.Equal(Word, test.Load(test.Map(fd) + 131072, Word.Length));
        Audit.Check(test.Guest);
    }

    [Theory]
    [Statement("S-GPU-05")]
    [InlineData("vgem", Platform.None)]
    [InlineData("vkms", Platform.SevSnp)]
    public void OpenMemory_DumbBuffer_IsTheObjectsForAllItsExports(string driver, Platform platform)
    {
        using var test = new TestGuest(platform);
        int node = test.Guest.Drm.Open(test.Init, driver).Value;
        DumbBuffer dumb = test.Guest.Drm.CreateDumb(test.Init, node, 64, 64, 32).Value;
        ulong offset = test.Guest.Drm.MapDumb(test.Init, node, dumb.Handle).Value;
        int first = test.Guest.Drm.HandleToFd(test.Init, node, dumb.Handle, 2).Value.Fd;
        using FileStream memory = Open(test.Guest, test.Init, first);
        memory.Write(Word, 8192);
        ulong map = test.Guest.Mappings.Mmap(test.Init, node, offset, dumb.Size, null, MapFlags.Shared).Value.Address;
        Assert.Equal(Word, test.Load(map + 8192, Word.Length));
        test.Store(map, "node"u8);

        Assert.Equal("node"u8.ToArray(), memory.Read(4));
        Audit.Check(test.Guest);
    }

    [Fact]
    public void OpenMemory_ThroughTheNode_IsTheMemoryOfTheDmaBufAndIsMirrored()
    {
        using var test = new TestGuest();
        GuestProcess process = test.Guest.OpenNative();
        NativeFile node = test.Guest.Natives.Adopt(process, test.Guest.Drm.Open(process, "vkms").Value).Value;
        DumbBuffer dumb = test.Guest.Drm.CreateDumb(process, NativeGuest.Floor, 64, 64, 32).Value;
        ulong offset = test.Guest.Drm.MapDumb(process, NativeGuest.Floor, dumb.Handle).Value;
        using var through = new FileStream(test.Guest.Natives.OpenMemory(node, offset, dumb.Size).Value, FileAccess.ReadWrite, 1);
        using FileStream memory = Open(test.Guest, process, test.Guest.Drm.HandleToFd(process, NativeGuest.Floor, dumb.Handle, 2).Value.Fd);
        through.Write(Word, 8192);
        NativeMapping part = new(0x7f0000000000, 4096, node, offset + 8192, MapProtection.Read, IsPrivate: false);
        Assert.Null(test.Guest.Natives.SetMappings(process, [part]));
        byte[] seen = new byte[Word.Length];
        Assert.Null(test.Guest.Mappings.Load(process, part.Start, seen));

        Assert.Equal(Word, memory.Read(Word.Length, 8192));
        Assert.Equal(Word, seen);
        Audit.Check(test.Guest);
        test.Guest.Natives.Closed(node);
        Audit.Check(test.Guest);
        Assert.Equal((0, 0), (test.Snapshot().Objects.Mappings, test.Guest.Files.Find(process, NativeGuest.Floor, "find").Ok ? 1 : 0));
    }

    [Fact]
    [Statement("S-BUF-116")]
    public void OpenMemory_SecondUdmabufOfTheSamePages_IsRefused()
    {
        using var test = new TestGuest();
        int memfd = test.Guest.Memfds.Create(test.Init, allowSealing: true).Value;
        Assert.Null(test.Guest.Memfds.Truncate(test.Init, memfd, 8192));
        Assert.Null(test.Guest.Memfds.AddSeals(test.Init, memfd, FileSeals.Shrink));
        int first = test.Guest.Udmabufs.Create(test.Init, 0, [new CocoGuest.Machine.DmaBufs.UdmabufItem(memfd, 0, 8192)]).Value.Fd;
        int second = test.Guest.Udmabufs.Create(test.Init, 0, [new CocoGuest.Machine.DmaBufs.UdmabufItem(memfd, 4096, 4096)]).Value.Fd;
        using FileStream memory = Open(test.Guest, test.Init, first);
        Assert.True(test.Guest.Memfds.Write(test.Init, memfd, 4096, Word).Ok);

        Assert.Equal(Word, memory.Read(Word.Length, 4096));
        NativeFile other = test.Guest.Natives.Adopt(test.Init, second).Value;
        Assert.Equal(Errno.EOPNOTSUPP, test.Guest.Natives.OpenMemory(other).Failure!.Errno);
    }

    [Fact]
    [Statement("S-BUF-56")]
    public void Migrate_MappedPrivateBuffer_KeepsBytesAndMapping()
    {
        using var test = new TestGuest();
        int fd = test.Guest.Moves.Allocate(test.Init, 1 << 20, 2).Value.Fd;
        using FileStream memory = Open(test.Guest, test.Init, fd);
        memory.Write(Word, 65536);
        ulong map = test.Map(fd);

        Assert.Null(test.Guest.Moves.Migrate(test.Init, fd, TimeSpan.FromSeconds(1)).Value);
        Assert.Equal(Word, test.Load(map + 65536, Word.Length));
        test.Store(map, "after"u8);

        Assert.Equal("after"u8.ToArray(), memory.Read(5));
        Audit.Check(test.Guest);
    }

    [Fact]
    public void OpenMemory_WhatCannotBeMapped_IsEnodev()
    {
        using var test = new TestGuest();
        NativeFile node = test.Guest.Natives.Adopt(test.Init, test.Guest.Udmabufs.Open(test.Init).Value).Value;

        Assert.Equal(Errno.ENODEV, test.Guest.Natives.OpenMemory(node).Failure!.Errno);
    }

    [Fact]
    public void OpenMemory_ClosedFile_IsEbadf()
    {
        using var test = new TestGuest();
        NativeFile file = test.Guest.Natives.Adopt(test.Init, test.Allocate(TestGuest.Private, 4096)).Value;
        test.Guest.Natives.Closed(file);

        Assert.Equal(Errno.EBADF, test.Guest.Natives.OpenMemory(file).Failure!.Errno);
    }

    [Fact]
    public void OpenMemory_PrivateMemoryInUse_IsCountedNowhereElse()
    {
        using var test = new TestGuest();
        (ulong free, ulong shared) = (test.Snapshot().Memory.Free, test.Snapshot().Memory.Shared);
        int fd = test.Allocate(TestGuest.Private, Bytes);
        using FileStream memory = Open(test.Guest, test.Init, fd);
        Audit.Check(test.Guest);

        Assert.Equal(shared, test.Snapshot().Memory.Shared);
        Assert.Null(test.Guest.Buffers.Release(test.Init, fd));

        Assert.Equal(free, test.Snapshot().Memory.Free);
        Audit.Check(test.Guest);
    }

    private static FileStream Open(Guest guest, GuestProcess process, int fd)
    {
        NativeFile file = guest.Natives.Adopt(process, fd).Value;
        FileStream memory = guest.OpenFile(file);

        // The host's reference is not what these tests are about.
        guest.Natives.Closed(file);
        return memory;
    }
}
