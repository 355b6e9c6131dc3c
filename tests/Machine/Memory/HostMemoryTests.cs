using System.Globalization;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Memory.HostMemory;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Tests.Machine.Memory;

/// <summary>
/// Real mappings and memfds. Alone among the test classes at run time, since it takes the process's descriptor limit away for a moment.
/// </summary>
[Collection("process limits")]
public sealed unsafe class HostMemoryTests
{
    private const ulong Size = 1 << 20;
    private const int EPERM = 1;

    [Fact]
    public void AnonymousRegion_Untouched_ReadsZeroAndTakesNoMemory()
    {
        using AnonymousRegion region = AnonymousRegion.Create(1UL << 36).Value;
        Assert.Equal("0 kB", Smaps(region.Pointer, "Rss"));
        Assert.Equal(0, region.Pointer[(1UL << 36) - 1]);
    }

    [Fact]
    public void AnonymousRegion_Mapped_IsLeftOutOfCoreDumps()
    {
        using AnonymousRegion region = AnonymousRegion.Create(Size).Value;
        Assert.Contains("dd", Smaps(region.Pointer, "VmFlags").Split(' '));
    }

    [Fact]
    public void Discard_PartOfRegion_ReadsZeroThereOnly()
    {
        using AnonymousRegion region = AnonymousRegion.Create(Size).Value;
        region.AsSpan(0, (int)Size).Fill(0xaa);
        region.Discard(4096, 8192);
        Assert.Equal(Size - 8192, (ulong)region.AsSpan(0, (int)Size).Count((byte)0xaa));
        Assert.Equal(-1, region.AsSpan(4096, 8192).IndexOfAnyExcept((byte)0));
    }

    [Theory]
    [InlineData(1, 4096)]
    [InlineData(0, 1)]
    [InlineData(Size, 4096)]
    [InlineData(4096, ulong.MaxValue - 4095)]
    public void Discard_NotPagesOfTheRegion_Throws(ulong offset, ulong length)
    {
        using AnonymousRegion region = AnonymousRegion.Create(Size).Value;
        Assert.ThrowsAny<ArgumentException>(() => region.Discard(offset, length));
    }

    [Fact]
    public void AsSpan_BehindTheRegion_Throws()
    {
        using AnonymousRegion region = AnonymousRegion.Create(Size).Value;
        Assert.Throws<ArgumentOutOfRangeException>(() => region.AsSpan(Size - 1, 2).Length);
    }

    [Fact]
    public void Pointer_AfterDispose_Throws()
    {
        AnonymousRegion region = AnonymousRegion.Create(Size).Value;
        region.Dispose();
        Assert.Throws<ObjectDisposedException>(() => region.Pointer[0]);
    }

    [Fact]
    public void Pin_HeldOverDispose_KeepsTheMappingUntilReleased()
    {
        SealedMemfd buffer = SealedMemfd.Create(Size, readOnly: false).Value;
        byte* address = buffer.Pointer;
        HostPin pin = buffer.Mapping.Pin();
        buffer.Dispose();
        pin.Pointer[Size - 1] = 7;
        Assert.Equal(7, pin.AsSpan(Size - 1, 1)[0]);
        pin.Dispose();
        Assert.Equal("", Smaps(address, "Rss"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Create_AnyMemfd_SizeAndSealsAreFixed(bool readOnly)
    {
        using SealedMemfd buffer = SealedMemfd.Create(Size, readOnly).Value;
        Assert.Equal(
            (EPERM, EPERM, EPERM),
            (HostCalls.Truncate(buffer.File, 0), HostCalls.Truncate(buffer.File, 2 * (long)Size), HostCalls.AddSeal(buffer.File, 8)));
    }

    [Fact]
    public void Create_Memfd_TakesNoMemoryAndIsNotDumped()
    {
        using SealedMemfd buffer = SealedMemfd.Create(1UL << 36, readOnly: false).Value;
        Assert.False(HostCalls.HasData(buffer.File));
        Assert.Contains("dd", Smaps(buffer.Pointer, "VmFlags").Split(' '));
    }

    [Fact]
    public void DuplicateFor_WritableBuffer_SharesItsMemory()
    {
        using SealedMemfd buffer = SealedMemfd.Create(Size, readOnly: false).Value;
        using SafeFileHandle fd = buffer.DuplicateFor(readOnly: false).Value;
        Assert.Equal(0, HostCalls.MapShared(fd, writable: true, out byte* client));
        client[5] = 9;
        Assert.Equal(9, buffer.Pointer[5]);
        HostCalls.Unmap(client);
    }

    [Fact]
    public void DuplicateFor_ReadOnlyOfWritableBuffer_CannotBeMappedWritable()
    {
        using SealedMemfd buffer = SealedMemfd.Create(Size, readOnly: false).Value;
        using SafeFileHandle fd = buffer.DuplicateFor(readOnly: true).Value;
        Assert.Equal((int)Errno.EACCES, HostCalls.MapShared(fd, writable: true, out _));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void DuplicateFor_ReadOnlyBuffer_CannotBeMappedOrWrittenWhateverTheDescriptor(bool readOnlyDescriptor)
    {
        using SealedMemfd buffer = SealedMemfd.Create(Size, readOnly: true).Value;
        using SafeFileHandle fd = buffer.DuplicateFor(readOnlyDescriptor).Value;
        // Root may open it anew for writing; anyone else is stopped by the file mode already.
        using SafeFileHandle reopened = HostCalls.Reopen(fd);
        SafeFileHandle writable = reopened.IsInvalid ? buffer.File : reopened;
        Assert.Equal((EPERM, EPERM), (HostCalls.MapShared(writable, writable: true, out _), HostCalls.Write(writable)));
    }

    [Fact]
    public void DuplicateFor_ReadOnlyBuffer_MappingCannotBeMadeWritable()
    {
        using SealedMemfd buffer = SealedMemfd.Create(Size, readOnly: true).Value;
        using SafeFileHandle fd = buffer.DuplicateFor(readOnly: false).Value;
        Assert.Equal(0, HostCalls.MapShared(fd, writable: false, out byte* client));
        Assert.Equal((int)Errno.EACCES, HostCalls.MakeWritable(client));
        HostCalls.Unmap(client);
    }

    [Fact]
    public void DuplicateFor_ReadOnlyBuffer_SeesWhatTheServerWrites()
    {
        using SealedMemfd buffer = SealedMemfd.Create(Size, readOnly: true).Value;
        using SafeFileHandle fd = buffer.DuplicateFor(readOnly: true).Value;
        Assert.Equal(0, HostCalls.MapShared(fd, writable: false, out byte* client));
        buffer.Pointer[3] = 4;
        Assert.Equal(4, client[3]);
        HostCalls.Unmap(client);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void PunchAll_OldMappings_ReadZero(bool readOnly)
    {
        using SealedMemfd buffer = SealedMemfd.Create(Size, readOnly).Value;
        using SafeFileHandle fd = buffer.DuplicateFor(readOnly: true).Value;
        Assert.Equal(0, HostCalls.MapShared(fd, writable: false, out byte* client));
        new Span<byte>(buffer.Pointer, (int)Size).Fill(0xaa);
        Assert.Equal(0xaa, client[0]);
        buffer.PunchAll();
        Assert.Equal(-1, new Span<byte>(client, 4096).IndexOfAnyExcept((byte)0));
        Assert.Equal(-1, new Span<byte>(buffer.Pointer, (int)Size).IndexOfAnyExcept((byte)0));
        HostCalls.Unmap(client);
    }

    [Fact]
    public void PunchAll_WritableBuffer_GivesTheMemoryBack()
    {
        using SealedMemfd buffer = SealedMemfd.Create(Size, readOnly: false).Value;
        buffer.Pointer[0] = 1;
        Assert.True(HostCalls.HasData(buffer.File));
        buffer.PunchAll();
        Assert.False(HostCalls.HasData(buffer.File));
    }

    [Fact]
    public void PunchAll_ReadOnlyBufferNeverTouched_TakesNoMemory()
    {
        using SealedMemfd buffer = SealedMemfd.Create(1UL << 36, readOnly: true).Value;
        buffer.PunchAll();
        Assert.False(HostCalls.HasData(buffer.File));
    }

    [Fact]
    public void Create_MoreThanTheAddressSpace_FailsWithENOMEMAndLeavesNoDescriptor()
    {
        int before = Directory.GetFiles("/proc/self/fd").Length;
        Assert.Equal(Errno.ENOMEM, AnonymousRegion.Create(1UL << 60).Failure?.Errno);
        Assert.Equal(Errno.ENOMEM, SealedMemfd.Create(1UL << 60, readOnly: false).Failure?.Errno);
        Assert.Equal(Errno.ENOMEM, SealedMemfd.Create(1UL << 63, readOnly: false).Failure?.Errno);
        Assert.Equal(before, Directory.GetFiles("/proc/self/fd").Length);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(100)]
    public void Create_NotWholePages_Throws(ulong length)
    {
        Assert.ThrowsAny<ArgumentException>(() => AnonymousRegion.Create(length));
        Assert.ThrowsAny<ArgumentException>(() => SealedMemfd.Create(length, readOnly: false));
    }

    [Fact]
    public void CreateAndDuplicate_NoDescriptorLeft_FailWithEMFILE()
    {
        using SealedMemfd buffer = SealedMemfd.Create(Size, readOnly: false).Value;
        (Errno?, Errno?, Errno?) errors = HostCalls.WithoutDescriptors(() => (
            SealedMemfd.Create(Size, readOnly: false).Failure?.Errno,
            buffer.DuplicateFor(readOnly: false).Failure?.Errno,
            buffer.DuplicateFor(readOnly: true).Failure?.Errno));
        Assert.Equal((Errno.EMFILE, Errno.EMFILE, Errno.EMFILE), errors);
    }

    /// <summary>A line of the mapping's entry in smaps, or "" when nothing starts at the address.</summary>
    private static string Smaps(byte* address, string key)
    {
        string start = ((ulong)address).ToString("x", CultureInfo.InvariantCulture) + "-";
        return File.ReadLines("/proc/self/smaps")
            .SkipWhile(line => !line.StartsWith(start, StringComparison.Ordinal))
            .FirstOrDefault(line => line.StartsWith(key + ":", StringComparison.Ordinal))?[(key.Length + 1)..].Trim() ?? "";
    }
}
