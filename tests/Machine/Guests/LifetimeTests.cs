using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Mappings;
using CocoGuest.Machine.Memory.Store;
using CocoGuest.Machine.PageState.Views;
using CocoGuest.Machine.Profiles;
using FileAccess = System.IO.FileAccess;

namespace CocoGuest.Tests.Machine.Guests;

/// <summary>A buffer lives while any fd, mapping, importer or token in flight does, and not a moment longer (S-BUF-90 to 92).</summary>
public sealed class LifetimeTests
{
    private const ulong Size = 65536;

    [Fact]
    [Statement("S-BUF-34", "S-BUF-90")]
    public void Release_WhileMapped_KeepsTheBufferUntilMunmap()
    {
        using var test = new TestGuest();
        int fd = test.Allocate(TestGuest.Shared, Size);
        ulong address = test.Map(fd);
        test.Store(address, "still here"u8);

        Assert.Null(test.Guest.Buffers.Release(test.Init, fd));
        Assert.Equal("still here"u8.ToArray(), test.Load(address, 10));
        Assert.Null(test.Guest.Mappings.Munmap(test.Init, address));

        Assert.Equal(0, test.Snapshot().Objects.Buffers);
    }

    [Fact]
    [Statement("S-BUF-92", "S-BUF-42", "S-BUF-91")]
    public void Release_WhileAttached_KeepsTheBufferUntilDetach()
    {
        using var test = new TestGuest();
        int fd = test.Allocate(TestGuest.Shared, Size);
        (ulong attachment, Result<DmaMapping> mapping) = test.AttachAndMap(fd);
        ulong dma = mapping.Value.AddressOf(0);

        Assert.Null(test.Guest.Buffers.Release(test.Init, fd));
        test.DmaWrite(dma, "device"u8);
        Assert.Equal("device"u8.ToArray(), test.DmaRead(dma, 6));
        Assert.Null(test.Guest.Importers.Unmap(test.Init, attachment));
        Assert.Null(test.Guest.Importers.Detach(test.Init, attachment));

        Assert.Equal(0, test.Snapshot().Objects.Buffers);
    }

    [Fact]
    [Statement("S-BUF-90", "S-BUF-93")]
    public void ShareToken_AfterItsMakerDied_StillGivesTheBuffer()
    {
        using var test = new TestGuest();
        GuestProcess maker = test.Open("maker");
        BufferHandle made = test.Guest.Heaps.Allocate(maker, TestGuest.Shared, Size, 2, 0).Value;
        Handle128 token = test.Guest.Buffers.Export(maker, made.Fd, null, TimeSpan.Zero).Value;

        Assert.Null(test.Guest.Processes.End(maker));
        BufferHandle imported = test.Guest.Buffers.Import(test.Init, token).Value;

        Assert.Equal(made.Inode, imported.Inode);
    }

    [Fact]
    public void ShareToken_UsedOnce_IsGone()
    {
        using var test = new TestGuest();
        int fd = test.Allocate(TestGuest.Shared, Size);
        Handle128 token = test.Guest.Buffers.Export(test.Init, fd, null, TimeSpan.Zero).Value;
        Assert.True(test.Guest.Buffers.Import(test.Init, token).Ok);

        Assert.Equal(Errno.ENOENT, test.Guest.Buffers.Import(test.Init, token).Failure!.Errno);
    }

    [Fact]
    public void ShareToken_AddressedToAnotherProcess_IsRefusedAndStaysValid()
    {
        using var test = new TestGuest();
        GuestProcess addressee = test.Open("addressee");
        int fd = test.Allocate(TestGuest.Shared, Size);
        Handle128 token = test.Guest.Buffers.Export(test.Init, fd, addressee.Handle, TimeSpan.Zero).Value;

        Assert.Equal(Errno.ENOENT, test.Guest.Buffers.Import(test.Init, token).Failure!.Errno);
        Assert.True(test.Guest.Buffers.Import(addressee, token).Ok);
    }

    [Fact]
    public void ShareToken_Expired_DropsItsReferenceAndTheBuffer()
    {
        using var test = new TestGuest();
        int fd = test.Allocate(TestGuest.Shared, Size);
        Handle128 token = test.Guest.Buffers.Export(test.Init, fd, null, TimeSpan.Zero).Value;
        Assert.Null(test.Guest.Buffers.Release(test.Init, fd));

        test.Time.Advance(GuestLimits.DefaultTokenLife);

        Assert.Equal(Errno.ENOENT, test.Guest.Buffers.Import(test.Init, token).Failure!.Errno);
        Assert.Equal((0, 0), (test.Snapshot().Objects.Buffers, test.Snapshot().Objects.ShareTokens));
    }

    [Fact]
    public void ShareToken_OneTickBeforeItsEnd_IsValid()
    {
        using var test = new TestGuest();
        int fd = test.Allocate(TestGuest.Shared, Size);
        Handle128 token = test.Guest.Buffers.Export(test.Init, fd, null, TimeSpan.FromSeconds(5)).Value;

        test.Time.Advance(TimeSpan.FromSeconds(5) - TimeSpan.FromTicks(1));

        Assert.True(test.Guest.Buffers.Import(test.Init, token).Ok);
    }

    [Fact]
    public void End_ProcessThatHoldsEverything_LeavesNothingOfIt()
    {
        using var test = new TestGuest();
        GuestSnapshot before = test.Snapshot();
        GuestProcess process = test.Open();
        test.Register(process);
        int shared = test.Guest.Heaps.Allocate(process, TestGuest.Shared, Size, 2, 0).Value.Fd;
        int bounced = test.Guest.Heaps.Allocate(process, TestGuest.Private, Size, 2, 0).Value.Fd;
        Assert.True(test.Guest.Mappings.Mmap(process, shared, 0, null, null, MapFlags.Shared).Ok);
        foreach (int fd in new[] { shared, bounced })
        {
            ulong attachment = test.Guest.Importers.Attach(process, fd, TestGuest.Nic).Value.Attachment;
            Assert.True(test.Guest.Importers.Map(process, attachment, DmaDirection.Bidirectional, 0).Ok);
        }

        Assert.NotEqual(0u, test.Snapshot().Dma.DefaultPool!.UsedSlots);
        Assert.Null(test.Guest.Processes.End(process));

        GuestSnapshot after = test.Snapshot();
        Assert.Equal((before.Objects, before.Memory, 0u), (after.Objects, after.Memory, after.Dma.DefaultPool!.UsedSlots));
    }

    [Fact]
    public void End_Twice_TellsTheObserverOnce()
    {
        using var test = new TestGuest();
        GuestProcess process = test.Open();

        Assert.Null(test.Guest.Processes.End(process));
        Assert.Null(test.Guest.Processes.End(process));

        Assert.Equal([process], test.Ended);
    }

    [Fact]
    public void Operation_OnADeadProcess_FailsWithEnoent()
    {
        using var test = new TestGuest();
        GuestProcess process = test.Open();
        Assert.Null(test.Guest.Processes.End(process));

        Assert.Equal(Errno.ENOENT, test.Guest.Heaps.Allocate(process, TestGuest.Shared, Size, 2, 0).Failure!.Errno);
    }

    [Fact]
    [Statement("S-HEAP-23", "S-SYS-08")]
    public void Allocate_FdTableFull_FailsWithEmfileAndReleasesTheBuffer()
    {
        using var test = new TestGuest();
        var process = new GuestProcess(test.Guest.Core, default, default, 99, "small");
        process.Fds.Limit = 4;
        Assert.True(test.Guest.Heaps.Allocate(process, TestGuest.Shared, Size, 2, 0).Ok);
        GuestSnapshot before = test.Snapshot();

        Assert.Equal(Errno.EMFILE, test.Guest.Heaps.Allocate(process, TestGuest.Shared, Size, 2, 0).Failure!.Errno);
        Assert.Equal((before.Memory, before.Objects.Buffers), (test.Snapshot().Memory, test.Snapshot().Objects.Buffers));
    }

    [Fact]
    public void Revoke_WhileACopyIsInFlight_LeavesZerosInOldFiles()
    {
        using var test = new TestGuest();
        int fd = test.Allocate(TestGuest.Shared, 4096);
        ulong address = test.Stat(fd).Chunks[0].Address;
        MmapResult map = test.Guest.Mappings.Mmap(test.Init, fd, 0, null, null, MapFlags.Shared).Value;
        using var file = new FileStream(map.Backing!.OpenFd().Value, FileAccess.Read, 1);
        byte[] bytes = new byte[4096];
        using (var plan = new AccessPlan())
        {
            Assert.Null(test.Guest.Access.Plan(plan, ViewAccessor.DeviceT0, address, 4096, write: true, "dma_write"));
            Assert.Null(test.Guest.Buffers.Release(test.Init, fd));
            Assert.Null(test.Guest.Mappings.Munmap(test.Init, map.Address));
            Array.Fill(bytes, (byte)0xaa);
            plan.Write(bytes);
        }

        file.ReadExactly(bytes);

        Assert.Equal(new byte[4096], bytes);
    }

    [Theory]
    [InlineData(Platform.Sev)]
    [InlineData(Platform.SevSnp)]
    [InlineData(Platform.Tdx)]
    public void Dispose_Guest_WhileALoadHoldsABuffer_LetsTheLoadEndQuietly(Platform platform)
    {
        using var test = new TestGuest(platform);
        int fd = test.Allocate(TestGuest.Shared, Size);
        var held = (DmaBuf)test.Init.Fds.Find(fd)!;
        test.Store(test.Map(fd), "x"u8);
        held.References++;

        Assert.Null(test.Host.Destroy(test.Guest.Shape.Name));
        Assert.Empty(test.Revoked);
        GuestFiles.Put(held);

        Assert.Single(test.Revoked);
    }

    [Fact]
    public void Dispose_Guest_EndsItsProcessesInOrder()
    {
        using var test = new TestGuest();
        GuestProcess first = test.Open();
        test.Open();
        Assert.Null(test.Guest.Processes.End(first));
        test.Open();
        test.Open();
        foreach (uint pid in new uint[] { 1, 3, 4, 5 })
        {
            GuestProcess process = test.Guest.Processes.All.Single(p => p.Pid == pid);
            int fd = test.Guest.Heaps.Allocate(process, TestGuest.Shared, pid * Size, 2, 0).Value.Fd;
            Assert.Equal(3, fd);
        }

        Assert.Null(test.Host.Destroy(test.Guest.Shape.Name));

        Assert.Equal([1 * Size, 3 * Size, 4 * Size, 5 * Size], test.Revoked.Select(r => r.Backing.Size));
    }

    [Fact]
    public void ShareTokens_RedeemedLongBeforeTheyExpire_LeaveNothingBehind()
    {
        var time = new FakeTimeProvider();
        var table = new ShareTokenTable(time, 16);
        var buffer = new DmaBuf(null!, 1, null!, Size, [], AccessMode.ReadWrite, shared: false);
        for (ulong i = 0; i < 10_000; i++)
        {
            table.Add(new Handle128(i, i), buffer, null, GuestLimits.LongestTokenLife);
            table.Remove(new Handle128(i, i));
        }

        Assert.InRange(table.Scheduled, 0, 1000);
    }

    [Fact]
    public void Dispose_Guest_RevokesEveryBackingAndEndsIt()
    {
        using var test = new TestGuest();
        int fd = test.Allocate(TestGuest.Shared, Size);
        ulong backing = test.Guest.Mappings.Mmap(test.Init, fd, 0, null, null, MapFlags.Shared).Value.Backing!.Id;

        Assert.Null(test.Host.Destroy(test.Guest.Shape.Name));

        Assert.Equal([backing], test.Revoked.Select(r => r.Backing.Id));
        Assert.Single(test.GuestEnds);
        Assert.Equal(Errno.EOWNERDEAD, test.TryAllocate(TestGuest.Shared, Size).Failure!.Errno);
    }
}
