using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Mappings;
using CocoGuest.Tests.Machine.Guests;

namespace CocoGuest.Tests.Machine.Processes;

/// <summary>pin_user_pages and the calls that go through it.</summary>
public sealed class PinTests
{
    private const MapProtection Both = MapProtection.Read | MapProtection.Write;
    private const ulong PageBytes = 4096;

    [Theory]
    [Statement("S-PIN-01")]
    [InlineData(MapProtection.Read, true)]
    [InlineData(MapProtection.None, false)]
    public void Pin_WithoutTheRight_IsEfault(MapProtection protection, bool write)
    {
        using var test = new TestGuest();
        ulong address = test.Guest.Mappings.MmapAnonymous(test.Init, PageBytes, protection).Value.Address;

        Assert.Equal(Errno.EFAULT, test.Guest.Pins.Pin(test.Init, address, PageBytes, write).Failure!.Errno);
        Assert.Equal(0, test.Guest.Pins.PinnedPages);
    }

    [Theory]
    [Statement("S-PIN-02", "S-PIN-08")]
    [InlineData(TestGuest.Private)]
    [InlineData(TestGuest.Shared)]
    [InlineData("default_cma_region")]
    public void Pin_OfHeapMapping_IsEfault(string heap)
    {
        using var test = new TestGuest(shape: s => s with { Cma = "64M" });
        ulong address = test.Map(test.Allocate(heap, PageBytes));

        Assert.Equal(Errno.EFAULT, test.Guest.Pins.Pin(test.Init, address, PageBytes, write: false).Failure!.Errno);
        Assert.Equal(Errno.EFAULT, test.Guest.Pins.Read(test.Init, address, new byte[16]).Failure!.Errno);
        Assert.Equal(Errno.EIO, test.Guest.Pins.WriteProcMem(test.Init, address, new byte[16]).Failure!.Errno);
    }

    [Fact]
    [Statement("S-PIN-03")]
    public void Pin_RunningIntoAHole_GivesTheShortCount()
    {
        using var test = new TestGuest();
        ulong address = test.Guest.Mappings.MmapAnonymous(test.Init, 3 * PageBytes, Both).Value.Address;
        Assert.Null(test.Guest.Mappings.Munmap(test.Init, address + (2 * PageBytes), PageBytes));

        UserPin pin = test.Guest.Pins.Pin(test.Init, address, 3 * PageBytes, write: true).Value;

        Assert.Equal(2, pin.Pages.Count);
        Assert.Equal(3UL, pin.Wanted);
        Assert.Equal(Errno.EFAULT, test.Guest.Pins.Pin(test.Init, address + (2 * PageBytes), PageBytes, write: true).Failure!.Errno);
    }

    [Theory]
    [Statement("S-PIN-06")]
    [InlineData(MapFlags.Private)]
    [InlineData(MapFlags.Shared)]
    public void Unpin_AfterMunmap_FreesThePage(MapFlags kind)
    {
        using var test = new TestGuest();
        ulong free = test.Guest.Snapshot().Memory.Free;
        ulong address = test.Guest.Mappings.Mmap(test.Init, -1, 0, PageBytes, Both, kind | MapFlags.Anonymous).Value.Address;
        UserPin pin = test.Guest.Pins.Pin(test.Init, address, PageBytes, write: true).Value;

        Assert.Null(test.Guest.Mappings.Munmap(test.Init, address));
        Assert.Equal(free - PageBytes, test.Guest.Snapshot().Memory.Free);

        Assert.Null(test.Guest.Pins.Unpin(test.Init, pin.Id));
        Assert.Equal(free, test.Guest.Snapshot().Memory.Free);
    }

    [Fact]
    [Statement("S-PIN-09", "S-BUF-36")]
    public void Mremap_GrowingAHeapMapping_IsEfaultAndAnonymousGrows()
    {
        using var test = new TestGuest();
        ulong buffer = test.Map(test.Allocate(TestGuest.Private, PageBytes));
        ulong memory = test.Guest.Mappings.MmapAnonymous(test.Init, PageBytes, Both).Value.Address;
        test.Store(memory, [7]);

        Assert.Equal(Errno.EFAULT, test.Guest.Mappings.Mremap(test.Init, buffer, PageBytes, 2 * PageBytes, true, null).Failure!.Errno);
        ulong moved = test.Guest.Mappings.Mremap(test.Init, memory, PageBytes, 2 * PageBytes, true, null).Value;

        Assert.Equal([7], test.Load(moved, 1));
        Assert.Equal([0], test.Load(moved + PageBytes, 1));
    }

    /// <summary>Was a fault: rounded up to pages, the end of such a range is 0.</summary>
    [Theory]
    [InlineData(0, ulong.MaxValue)]
    [InlineData(0, ulong.MaxValue - 1)]
    [InlineData(4096, ulong.MaxValue - 4096)]
    public void Pin_UpToTheEndOfAllAddresses_IsEinval(ulong address, ulong length)
    {
        using var test = new TestGuest();

        Assert.Equal(Errno.EINVAL, test.Guest.Pins.Pin(test.Init, address, length, write: false).Failure?.Errno);
    }
}
