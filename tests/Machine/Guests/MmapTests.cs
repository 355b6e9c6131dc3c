using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Mappings;
using CocoGuest.Machine.Memory.Store;

namespace CocoGuest.Tests.Machine.Guests;

public sealed class MmapTests
{
    private const uint ReadOnly = 0;
    private const uint WriteOnly = 1;
    private const uint ReadWrite = 2;
    private const MapProtection Both = MapProtection.Read | MapProtection.Write;

    [Theory]
    [Statement("S-BUF-30", "S-BUF-31", "S-BUF-35", "S-SYS-53", "S-REC-51")]
    [InlineData(ReadWrite, 0UL, 0UL, Both, MapFlags.Shared, Errno.EINVAL, "length")]
    [InlineData(ReadWrite, 1UL, 4096UL, Both, MapFlags.Shared, Errno.EINVAL, "offset")]
    [InlineData(ReadWrite, 0UL, 1UL << 47, Both, MapFlags.Shared, Errno.ENOMEM, "length")]
    [InlineData(ReadWrite, 0xfffffffffffff000UL, 4096UL, Both, MapFlags.Shared, Errno.EOVERFLOW, "offset")]
    [InlineData(ReadWrite, 0UL, 4096UL, Both, MapFlags.None, Errno.EINVAL, "flags")]
    [InlineData(ReadOnly, 0UL, 4096UL, Both, MapFlags.Shared, Errno.EACCES, "prot")]
    [InlineData(WriteOnly, 0UL, 4096UL, MapProtection.Write, MapFlags.Shared, Errno.EACCES, "prot")]
    [InlineData(3u, 0UL, 4096UL, MapProtection.Read, MapFlags.Shared, Errno.EACCES, "prot")]
    [InlineData(ReadWrite, 0UL, 0x12000UL, Both, MapFlags.Shared, Errno.EINVAL, "length")]
    [InlineData(ReadWrite, 0x11000UL, 4096UL, Both, MapFlags.Shared, Errno.EINVAL, "length")]
    [InlineData(ReadWrite, 0UL, 0x11000UL, Both, MapFlags.Private, Errno.EINVAL, "flags")]
    [InlineData(ReadWrite, 0UL, 4096UL, Both | MapProtection.Execute, MapFlags.Shared, Errno.EPERM, "prot")]
    public void Mmap_ArgumentThatLinuxRefuses_FailsWithItsErrno(
        uint fdFlags, ulong offset, ulong length, MapProtection protection, MapFlags flags, Errno errno, string field)
    {
        using var test = new TestGuest();
        int fd = test.TryAllocate(TestGuest.Shared, 0x11000, fdFlags).Value.Fd;

        Failure failure = test.Guest.Mappings.Mmap(test.Init, fd, offset, length, protection, flags).Failure!;

        Assert.Equal((errno, field), (failure.Errno, failure.Field));
    }

    [Theory]
    [Statement("S-BUF-32", "S-SYS-53")]
    [InlineData(0UL, 1UL, MapFlags.Shared, 4096UL)]
    [InlineData(0x1000UL, 0x10000UL, MapFlags.Shared, 0x10000UL)]
    [InlineData(0x10000UL, 0x1000UL, MapFlags.Private, 0x1000UL)]
    [InlineData(0UL, 0x10000UL, MapFlags.Private, 0x10000UL)]
    public void Mmap_InsideTheBuffer_Succeeds(ulong offset, ulong length, MapFlags flags, ulong mapped)
    {
        using var test = new TestGuest();
        int fd = test.Allocate(TestGuest.Shared, 0x11000);

        Assert.Equal(mapped, test.Guest.Mappings.Mmap(test.Init, fd, offset, length, Both, flags).Value.Length);
    }

    [Fact]
    public void Mmap_PrivateMemory_GivesNoBacking()
    {
        using var test = new TestGuest();

        Assert.Null(test.Guest.Mappings.Mmap(
            test.Init, test.Allocate(TestGuest.Private, 4096), 0, null, null, MapFlags.Shared).Value.Backing);
    }

    [Fact]
    public void Mmap_ReadOnlyBuffer_GivesAReadOnlyBacking()
    {
        using var test = new TestGuest();
        int fd = test.TryAllocate(TestGuest.Shared, 4096, ReadOnly).Value.Fd;

        Assert.True(test.Guest.Mappings.Mmap(test.Init, fd, 0, null, null, MapFlags.Shared).Value.Backing!.ReadOnly);
    }

    [Fact]
    public void Mmap_TwoGuestsOfTheSameShape_GiveTheSameAddresses()
    {
        using var one = new TestGuest();
        using var two = new TestGuest();

        Assert.Equal(Addresses(one), Addresses(two));
    }

    [Fact]
    public void Mmap_AfterMunmap_ReusesTheHole()
    {
        using var test = new TestGuest();
        int fd = test.Allocate(TestGuest.Shared, 0x10000);
        ulong first = test.Map(fd);
        test.Map(fd);
        Assert.Null(test.Guest.Mappings.Munmap(test.Init, first));

        Assert.Equal(first, test.Map(fd));
    }

    [Fact]
    [Statement("S-SYS-47")]
    public void Store_ThroughAMappingWithOffset_LandsThereInTheBuffer()
    {
        using var test = new TestGuest();
        int fd = test.Allocate(TestGuest.Private, 0x21000);
        ulong whole = test.Map(fd);
        ulong part = test.Guest.Mappings.Mmap(test.Init, fd, 0x20000, 0x1000, Both, MapFlags.Shared).Value.Address;

        test.Store(part + 5, "here"u8);

        Assert.Equal("here"u8.ToArray(), test.Load(whole + 0x20005, 4));
    }

    [Fact]
    [Statement("S-SYS-47")]
    public void Store_AcrossChunks_ReadsBackWhole()
    {
        using var test = new TestGuest();
        ulong address = test.Map(test.Allocate(TestGuest.Private, 0x21000));
        byte[] bytes = [.. Enumerable.Range(0, 0x3000).Select(i => (byte)(i * 7))];

        test.Store(address + 0xf000, bytes);

        Assert.Equal(bytes, test.Load(address + 0xf000, bytes.Length));
    }

    [Theory]
    [InlineData(0x10000UL, 1)]
    [InlineData(0xffffUL, 2)]
    [InlineData(0UL, 0x10001)]
    public void Load_BeyondTheMapping_FailsWithEfault(ulong offset, int length)
    {
        using var test = new TestGuest();
        ulong address = test.Map(test.Allocate(TestGuest.Private, 0x10000));

        Assert.Equal(Errno.EFAULT, test.Guest.Mappings.Load(test.Init, address + offset, new byte[length])!.Errno);
    }

    [Fact]
    public void Store_ThroughAReadOnlyMapping_FailsWithEfault()
    {
        using var test = new TestGuest();
        int fd = test.Allocate(TestGuest.Private, 4096);
        ulong address = test.Guest.Mappings.Mmap(test.Init, fd, 0, null, MapProtection.Read, MapFlags.Shared).Value.Address;

        Assert.Equal(Errno.EFAULT, test.Guest.Mappings.Store(test.Init, address, new byte[1])!.Errno);
    }

    [Fact]
    public void Revoke_AfterTheLastReference_MakesAnOldFdReadZeros()
    {
        using var test = new TestGuest();
        int fd = test.Allocate(TestGuest.Shared, 4096);
        MmapResult map = test.Guest.Mappings.Mmap(test.Init, fd, 0, null, null, MapFlags.Shared).Value;
        VisibleBacking backing = map.Backing!;
        test.Store(map.Address, "shared text"u8);
        using var file = new FileStream(backing.OpenFd().Value, System.IO.FileAccess.Read, 1);
        byte[] bytes = new byte[11];
        file.ReadExactly(bytes);
        Assert.Equal("shared text"u8.ToArray(), bytes);

        Assert.Null(test.Guest.Mappings.Munmap(test.Init, map.Address));
        Assert.Null(test.Guest.Buffers.Release(test.Init, fd));
        file.Position = 0;
        file.ReadExactly(bytes);

        Assert.Equal(new byte[11], bytes);
        Assert.Equal(Errno.ENOENT, backing.OpenFd().Failure!.Errno);
    }

    private static List<ulong> Addresses(TestGuest test)
    {
        var addresses = new List<ulong>();
        for (ulong i = 1; i < 20; i++)
        {
            int fd = test.Allocate(i % 2 == 0 ? TestGuest.Shared : TestGuest.Private, i * 70000);
            addresses.Add(test.Map(fd));
            addresses.AddRange(test.Stat(fd).Chunks.Select(c => c.Address));
        }

        return addresses;
    }
}
