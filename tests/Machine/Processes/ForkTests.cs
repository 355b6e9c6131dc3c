using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Mappings;
using CocoGuest.Machine.Profiles;
using CocoGuest.Tests.Machine.Guests;

namespace CocoGuest.Tests.Machine.Processes;

/// <summary>fork, exec and copies on write: who sees whose bytes, and that every page comes back.</summary>
public sealed class ForkTests
{
    private const ulong PageBytes = 4096;
    private const MapProtection ReadWrite = MapProtection.Read | MapProtection.Write;

    [Fact]
    public void Fork_ThenStore_IsSeenByTheWriterAlone()
    {
        using var test = new TestGuest();
        ulong address = Anonymous(test, 2 * PageBytes);
        test.Store(address, "old"u8);

        GuestProcess child = test.Guest.Processes.Fork(test.Init).Value;
        Assert.Null(test.Guest.Mappings.Store(child, address, "new"u8));
        test.Store(address + 1, "L"u8);

        Assert.Equal("new"u8.ToArray(), Load(test, child, address));
        Assert.Equal("oLd"u8.ToArray(), test.Load(address, 3));
    }

    [Fact]
    [Statement("S-PIN-09", "S-BUF-90")]
    public void Fork_SharesMappingsOfBuffers()
    {
        using var test = new TestGuest();
        int fd = test.Allocate(TestGuest.Shared, PageBytes);
        ulong address = test.Map(fd);

        GuestProcess child = test.Guest.Processes.Fork(test.Init).Value;
        Assert.Null(test.Guest.Mappings.Store(child, address, "one"u8));

        Assert.Equal("one"u8.ToArray(), test.Load(address, 3));
        Assert.Equal(4UL, test.Stat(fd).Count);
    }

    [Fact]
    public void End_OfBothAfterAFork_GivesEveryPageBack()
    {
        using var test = new TestGuest();
        ulong free = test.Snapshot().Memory.Free;
        GuestProcess parent = test.Open();
        ulong address = test.Guest.Mappings.MmapAnonymous(parent, 3 * PageBytes, ReadWrite).Value.Address;
        Assert.Null(test.Guest.Mappings.Store(parent, address, new byte[(int)(2 * PageBytes)]));
        GuestProcess child = test.Guest.Processes.Fork(parent).Value;
        Assert.Null(test.Guest.Mappings.Store(child, address, "x"u8));
        Assert.Equal(free - (3 * PageBytes), test.Snapshot().Memory.Free);

        Assert.Null(test.Guest.Processes.End(parent));
        Assert.Null(test.Guest.Processes.End(child));

        Assert.Equal(free, test.Snapshot().Memory.Free);
    }

    [Fact]
    [Statement("S-PIN-06")]
    public void Fork_LeavesAPinnedPageWithItsOwner()
    {
        using var test = new TestGuest();
        ulong address = Anonymous(test, PageBytes);
        test.Store(address, "pin"u8);
        ulong frame = test.Guest.Pins.Pin(test.Init, address, PageBytes, write: true).Value.Pages[0];

        GuestProcess child = test.Guest.Processes.Fork(test.Init).Value;
        test.Store(address, "own"u8);

        Assert.Equal(frame, test.Guest.Pins.Pin(test.Init, address, PageBytes, write: true).Value.Pages[0]);
        Assert.Equal("pin"u8.ToArray(), Load(test, child, address));
    }

    [Fact]
    [Statement("S-BUF-93")]
    public void Exec_ClosesWhatIsCloseOnExecAndDropsMappings()
    {
        using var test = new TestGuest();
        GuestProcess process = test.Open();
        int kept = test.Guest.Heaps.Allocate(process, TestGuest.Shared, PageBytes, 2, 0).Value.Fd;
        int closed = test.Guest.Heaps.Allocate(process, TestGuest.Shared, PageBytes, 0x80002, 0).Value.Fd;
        ulong address = test.Guest.Mappings.Mmap(process, kept, 0, null, null, MapFlags.Shared).Value.Address;

        Assert.Null(test.Guest.Processes.Exec(process));

        Assert.True(test.Guest.Buffers.Stat(process, kept).Ok);
        Assert.Equal(Errno.EBADF, test.Guest.Buffers.Stat(process, closed).Failure!.Errno);
        Assert.Equal(TouchResult.NotMapped, test.Guest.Mappings.Touch(process, address, write: false));
    }

    [Theory]
    [Statement("S-SYS-53")]
    [InlineData(Platform.SevSnp)]
    [InlineData(Platform.None)]
    public void Store_ThroughAPrivateMapping_StaysOutOfTheBuffer(Platform platform)
    {
        using var test = new TestGuest(platform);
        int fd = test.Allocate(test.VisibleHeap, PageBytes);
        test.Store(test.Map(fd), "buffer"u8);
        ulong copy = test.Guest.Mappings.Mmap(test.Init, fd, 0, null, ReadWrite, MapFlags.Private).Value.Address;

        test.Store(copy + 1, "OP"u8);

        Assert.Equal("bOPfer"u8.ToArray(), test.Load(copy, 6));
        Assert.Equal("buffer"u8.ToArray(), test.Load(test.Map(fd), 6));
    }

    [Fact]
    public void Mmap_Fixed_TakesThePlaceOfWhatWasThere()
    {
        using var test = new TestGuest();
        ulong address = Anonymous(test, 3 * PageBytes);
        test.Store(address + PageBytes, "gone"u8);

        ulong place = test.Guest.Mappings.Mmap(
            test.Init, -1, 0, PageBytes, ReadWrite,
            MapFlags.Private | MapFlags.Anonymous | MapFlags.Fixed, address + PageBytes).Value.Address;

        Assert.Equal(address + PageBytes, place);
        Assert.Equal(new byte[4], test.Load(place, 4));
        Assert.Equal(TouchResult.Done, test.Guest.Mappings.Touch(test.Init, address + (2 * PageBytes), write: true));
    }

    [Fact]
    public void Load_AcrossTwoMappings_ReadsBoth()
    {
        using var test = new TestGuest();
        ulong upper = Anonymous(test, PageBytes);
        ulong lower = Anonymous(test, PageBytes);
        Assert.Equal(upper, lower + PageBytes);

        test.Store(upper - 2, "abcd"u8);

        Assert.Equal("abcd"u8.ToArray(), test.Load(upper - 2, 4));
    }

    private static ulong Anonymous(TestGuest test, ulong length) =>
        test.Guest.Mappings.MmapAnonymous(test.Init, length, ReadWrite).Value.Address;

    private static byte[] Load(TestGuest test, GuestProcess process, ulong address)
    {
        byte[] bytes = new byte[3];
        Assert.Null(test.Guest.Mappings.Load(process, address, bytes));
        return bytes;
    }
}
