using System.Buffers.Binary;
using System.Text;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Drm;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Profiles;
using CocoGuest.Tests.Machine.Guests;

namespace CocoGuest.Tests.Machine.Drm;

/// <summary>Raw ioctls of DRM nodes: what is copied, who may, what the structures say.</summary>
public sealed class DrmIoctlTests
{
    private const uint Version = 0xc0406400;
    private const uint GetUnique = 0xc0106401;
    private const uint GetMagic = 0x80046402;
    private const uint AuthMagic = 0x40046411;
    private const uint SetVersion = 0xc0106407;
    private const uint GetCap = 0xc010640c;
    private const uint SetClientCap = 0x4010640d;
    private const uint GemClose = 0x40086409;
    private const uint GemFlink = 0xc008640a;
    private const uint GemOpen = 0xc010640b;
    private const uint SetMaster = 0x641e;
    private const uint DropMaster = 0x641f;
    private const uint HandleToFd = 0xc00c642d;
    private const uint FdToHandle = 0xc00c642e;
    private const uint CreateDumb = 0xc02064b2;
    private const uint MapDumb = 0xc01064b3;
    private const uint DestroyDumb = 0xc00464b4;
    private const uint GetResources = 0xc04064a0;
    private const uint FenceAttach = 0xc0106441;
    private const uint FenceSignal = 0x40086442;
    private const uint CloseOnExecAndReadWrite = 0x80002;
    private const uint SetClientName = 0xc01064d1;
    private const uint ChangeHandle = 0xc00864d2;
    private const ulong Base = 0x10000;

    private static readonly byte[] NoBytes = [];

    [Fact]
    [Statement("S-GPU-24")]
    public void Version_ShortNameBuffer_GetsWhatFitsAndTheWholeLength()
    {
        using var test = new TestGuest(Platform.None);
        int drm = test.Guest.Drm.Open(test.Init, "vgem").Value;
        byte[] memory = new byte[256];
        SetLong(memory, 16, 2);
        SetLong(memory, 24, Base + 64);
        SetLong(memory, 48, 100);
        SetLong(memory, 56, Base + 128);

        Assert.Equal(Errno.None, Run(test, drm, Version, memory));

        Assert.Equal([1u, 0u, 0u], [Word(memory, 0), Word(memory, 4), Word(memory, 8)]);
        Assert.Equal([4ul, 1ul, 20ul], [Long(memory, 16), Long(memory, 32), Long(memory, 48)]);
        Assert.Equal("vg\0\0", Encoding.ASCII.GetString(memory, 64, 4));
        Assert.Equal("Virtual GEM provider\0", Encoding.ASCII.GetString(memory, 128, 21));
    }

    [Fact]
    [Statement("S-GPU-20")]
    public void Version_SmallerStructure_IsCopiedAsFarAsItReaches()
    {
        using var test = new TestGuest(Platform.None);
        int drm = test.Guest.Drm.Open(test.Init, "vkms").Value;
        byte[] memory = Enumerable.Repeat((byte)0xa5, 64).ToArray();

        Assert.Equal(Errno.None, Run(test, drm, IoctlCommand.Of(3, 'd', 0, 12).Value, memory));

        Assert.Equal([1u, 0u, 0u, 0xa5a5a5a5u], [Word(memory, 0), Word(memory, 4), Word(memory, 8), Word(memory, 12)]);
    }

    [Theory]
    [Statement("S-GPU-20", "S-GPU-23")]
    [InlineData(0xc0184800u, Errno.ENOTTY)]
    [InlineData(0x541bu, Errno.ENOTTY)]
    [InlineData(0xc0106403u, Errno.EINVAL)]
    [InlineData(0xc01064d3u, Errno.EINVAL)]
    [InlineData(0xc0106440u, Errno.EINVAL)]
    [InlineData(0xc0106443u, Errno.EINVAL)]
    [InlineData(GetResources, Errno.EOPNOTSUPP)]
    [InlineData(0xc06864ceu, Errno.EINVAL)]
    [InlineData(0xc00864bfu, Errno.EOPNOTSUPP)]
    [InlineData(0xc04864a8u, Errno.None)]
    public void Ioctl_WithoutAnOperation_SaysWhy(uint command, Errno errno)
    {
        using var test = new TestGuest(Platform.None);
        int drm = test.Guest.Drm.Open(test.Init, "vgem").Value;

        Assert.Equal(errno, Run(test, drm, command, new byte[256]));
    }

    [Fact]
    [Statement("S-GPU-20")]
    public void Ioctl_UnknownNumber_DoesNotReadItsArgument()
    {
        using var test = new TestGuest(Platform.None);
        int drm = test.Guest.Drm.Open(test.Init, "vgem").Value;

        Assert.Equal(Errno.EINVAL, Run(test, drm, 0xc01064d3, NoBytes));
        Assert.Equal(Errno.EFAULT, Run(test, drm, GetCap, NoBytes));
    }

    [Theory]
    [Statement("S-GPU-29")]
    [InlineData(KernelVersion.V612, SetClientName, Errno.EINVAL)]
    [InlineData(KernelVersion.V619, SetClientName, Errno.EFAULT)]
    [InlineData(KernelVersion.V71, SetClientName, Errno.EFAULT)]
    [InlineData(KernelVersion.V72, SetClientName, Errno.EFAULT)]
    [InlineData(KernelVersion.V73, SetClientName, Errno.EFAULT)]
    [InlineData(KernelVersion.V612, ChangeHandle, Errno.EINVAL)]
    [InlineData(KernelVersion.V72, ChangeHandle, Errno.EFAULT)]
    [InlineData(KernelVersion.V73, ChangeHandle, Errno.EFAULT)]
    [InlineData(KernelVersion.V73, 0xc01064d3u, Errno.EINVAL)]
    public void Ioctl_OfNewerKernels_IsLookedAtWhereItExists(KernelVersion kernel, uint command, Errno errno)
    {
        using var test = new TestGuest(Platform.None, kernel);

        foreach ((string driver, bool render) in new[] { ("vgem", false), ("vgem", true), ("vkms", false) })
        {
            int drm = test.Guest.Drm.Open(test.Init, driver, render).Value;
            Assert.Equal(errno, Run(test, drm, command, NoBytes));
        }
    }

    // The numbers of include/uapi/drm/drm.h, without those that lost their meaning, and the two of vgem.
    [Theory]
    [Statement("S-GPU-20", "S-GPU-29")]
    [InlineData(KernelVersion.V612, 0xd0u)]
    [InlineData(KernelVersion.V72, 0xd2u)]
    [InlineData(KernelVersion.V73, 0xd2u)]
    public void Ioctl_AnyNumber_HasARowWhereTheKernelHasOne(KernelVersion kernel, uint last)
    {
        using var test = new TestGuest(Platform.None, kernel);
        int drm = test.Guest.Drm.Open(test.Init, "vgem").Value;
        uint[] known =
        [
            0, 1, 2, 5, 6, 7, 9, 0xa, 0xb, 0xc, 0xd, 0x10, 0x11, 0x12, 0x13, 0x1e, 0x1f, 0x27, 0x28, 0x2c, 0x2d, 0x2e, 0x3a, 0x3b, 0x3c,
            0x3f, 0x41, 0x42, .. Enumerable.Range(0xa0, (int)last - 0xa0 + 1).Select(n => (uint)n),
        ];

        // A structure that cannot be read tells a row from none, but for the two that have no structure.
        uint[] found =
        [
            0x1e, 0x1f,
            .. Enumerable.Range(0, 256).Select(n => (uint)n)
                .Where(n => Run(test, drm, IoctlCommand.Of(3, 'd', n, 8).Value, NoBytes) == Errno.EFAULT),
        ];

        Assert.Equal(known, found.Distinct().Order());
    }

    [Theory]
    [Statement("S-GPU-29")]
    [InlineData("coco-x", 6ul, Errno.None)]
    [InlineData("", 0ul, Errno.None)]
    [InlineData("!~", 2ul, Errno.None)]
    [InlineData("coco-x", 64ul, Errno.EINVAL)]
    [InlineData("with blank", 10ul, Errno.EINVAL)]
    [InlineData("tab\t", 4ul, Errno.EINVAL)]
    [InlineData("\u007f", 1ul, Errno.EINVAL)]
    [InlineData("coco-x", 65ul, Errno.EINVAL)]
    [InlineData("coco-x", ulong.MaxValue, Errno.EINVAL)]
    public void SetClientName_OfGraphsOnly_IsTaken(string name, ulong length, Errno errno)
    {
        using var test = new TestGuest(Platform.None);
        int drm = test.Guest.Drm.Open(test.Init, "vgem", render: true).Value;
        byte[] bytes = new byte[128];
        SetLong(bytes, 0, length);
        SetLong(bytes, 8, Base + 16);
        Encoding.ASCII.GetBytes(name, bytes.AsSpan(16));

        Assert.Equal(errno, Run(test, drm, SetClientName, bytes));
    }

    [Theory]
    [Statement("S-GPU-29")]
    [InlineData(64ul, Errno.None)]
    [InlineData(65ul, Errno.EINVAL)]
    public void SetClientName_OfTheLongestLength_IsTaken(ulong length, Errno errno)
    {
        using var test = new TestGuest(Platform.None);
        int drm = test.Guest.Drm.Open(test.Init, "vkms").Value;
        byte[] bytes = [.. new byte[16], .. Enumerable.Repeat((byte)'a', 80)];
        SetLong(bytes, 0, length);
        SetLong(bytes, 8, Base + 16);

        Assert.Equal(errno, Run(test, drm, SetClientName, bytes));
        SetLong(bytes, 8, Base + (1 << 20));
        Assert.Equal(errno == Errno.None ? Errno.EFAULT : errno, Run(test, drm, SetClientName, bytes));
    }

    [Theory]
    [Statement("S-GPU-29")]
    [InlineData(1u, 7u)]
    [InlineData(1u, 1u)]
    [InlineData(9u, 7u)]
    public void ChangeHandle_InReleasedKernels_IsThereAndRefusesAll(uint handle, uint wanted)
    {
        using var test = new TestGuest(Platform.None);
        int drm = test.Guest.Drm.Open(test.Init, "vgem").Value;
        Assert.Equal(1u, MakeDumb(test, drm));
        byte[] bytes = new byte[16];
        SetWord(bytes, 0, handle);
        SetWord(bytes, 4, wanted);

        Assert.Equal(Errno.EINVAL, Run(test, drm, ChangeHandle, bytes));
        Assert.Null(test.Guest.Drm.GemClose(test.Init, drm, 1));
    }

    [Fact]
    [Statement("S-GPU-21")]
    public void Ioctl_OnARenderNode_IsAllowedForRenderingOnly()
    {
        using var test = new TestGuest(Platform.None);
        int render = test.Guest.Drm.Open(test.Init, "vgem", render: true).Value;
        DrmIoctlRow[] allowed = [.. DrmIoctlTable.All.Where(r => Run(test, render, CommandOf(r), new byte[512]) != Errno.EACCES)];

        Assert.Equal(DrmIoctlTable.All.Where(r => r.Need.HasFlag(DrmIoctlNeed.RenderAllowed)), allowed);
    }

    [Fact]
    [Statement("S-GPU-21", "S-GPU-22")]
    public void AuthMagic_OfAnotherClient_LetsItNameObjects()
    {
        using var test = new TestGuest(Platform.None);
        int master = test.Guest.Drm.Open(test.Init, "vgem").Value;
        test.Init.Uid = 1000;
        int other = test.Guest.Drm.Open(test.Init, "vgem").Value;
        byte[] magic = new byte[4];
        byte[] flink = new byte[8];
        SetWord(flink, 0, MakeDumb(test, other));

        Assert.Equal(Errno.EACCES, Run(test, other, GemFlink, flink));
        Assert.Equal(Errno.None, Run(test, other, GetMagic, magic));
        Assert.Equal(1u, Word(magic, 0));
        Assert.Equal(Errno.EACCES, Run(test, other, AuthMagic, magic));
        Assert.Equal(Errno.None, Run(test, master, AuthMagic, magic));
        Assert.Equal(Errno.EINVAL, Run(test, master, AuthMagic, magic));
        Assert.Equal(Errno.None, Run(test, other, GemFlink, flink));
        Assert.Equal(1u, Word(flink, 4));
    }

    [Fact]
    [Statement("S-GPU-24")]
    public void GemOpen_ByName_IsAHandleOnTheSameObjectUntilTheLastHandleGoes()
    {
        using var test = new TestGuest(Platform.None);
        int one = test.Guest.Drm.Open(test.Init, "vgem").Value;
        int two = test.Guest.Drm.Open(test.Init, "vgem").Value;
        byte[] flink = new byte[8];
        SetWord(flink, 0, MakeDumb(test, one));
        Assert.Equal(Errno.None, Run(test, one, GemFlink, flink));
        byte[] open = new byte[16];
        SetWord(open, 0, Word(flink, 4));

        Assert.Equal(Errno.None, Run(test, two, GemOpen, open));

        Assert.Equal((1u, 16384ul), (Word(open, 4), Long(open, 8)));
        Assert.Equal(Errno.None, Run(test, one, GemClose, flink));
        Assert.Equal(Errno.None, Run(test, two, GemOpen, open));
        test.Guest.Files.Close(test.Init, two);
        Assert.Equal(Errno.ENOENT, Run(test, one, GemOpen, open));
    }

    [Fact]
    [Statement("S-GPU-22")]
    public void SetMaster_WhileAnotherIsMaster_IsBusyUntilItDrops()
    {
        using var test = new TestGuest(Platform.None);
        int first = test.Guest.Drm.Open(test.Init, "vgem").Value;
        int second = test.Guest.Drm.Open(test.Init, "vgem").Value;

        Assert.Equal(Errno.None, Run(test, first, SetMaster, NoBytes));
        Assert.Equal(Errno.EBUSY, Run(test, second, SetMaster, NoBytes));
        Assert.Equal(Errno.EINVAL, Run(test, second, DropMaster, NoBytes));
        Assert.Equal(Errno.None, Run(test, first, DropMaster, NoBytes));
        Assert.Equal(Errno.EACCES, Run(test, first, SetVersion, new byte[16]));
        Assert.Equal(Errno.None, Run(test, second, SetMaster, NoBytes));
        test.Guest.Files.Close(test.Init, second);
        Assert.Equal(Errno.None, Run(test, first, SetMaster, NoBytes));
    }

    [Fact]
    [Statement("S-GPU-24")]
    public void SetVersion_OfInterfaceOneOne_GivesTheDeviceItsUniqueName()
    {
        using var test = new TestGuest(Platform.None);
        int drm = test.Guest.Drm.Open(test.Init, "vgem").Value;
        byte[] unique = new byte[64];
        SetLong(unique, 0, 16);
        SetLong(unique, 8, Base + 32);
        Assert.Equal(Errno.None, Run(test, drm, GetUnique, unique));
        Assert.Equal(0ul, Long(unique, 0));
        byte[] version = new byte[16];
        version.AsSpan().Fill(0xff);
        SetWord(version, 0, 1);
        SetWord(version, 4, 4);

        Assert.Equal(Errno.None, Run(test, drm, SetVersion, version));

        SetLong(unique, 0, 16);
        Assert.Equal(Errno.None, Run(test, drm, GetUnique, unique));
        Assert.Equal((4ul, "vgem"), (Long(unique, 0), Encoding.ASCII.GetString(unique, 32, 4)));
        SetWord(version, 4, 9);
        Assert.Equal(Errno.EINVAL, Run(test, drm, SetVersion, version));
        Assert.Equal([1u, 4u, 1u, 0u], [Word(version, 0), Word(version, 4), Word(version, 8), Word(version, 12)]);
    }

    [Theory]
    [Statement("S-GPU-25")]
    [InlineData("vgem", 1ul, 1ul, Errno.EOPNOTSUPP)]
    [InlineData("vkms", 1ul, 1ul, Errno.None)]
    [InlineData("vkms", 1ul, 2ul, Errno.EINVAL)]
    [InlineData("vkms", 3ul, 2ul, Errno.None)]
    [InlineData("vkms", 5ul, 1ul, Errno.EINVAL)]
    [InlineData("vkms", 6ul, 1ul, Errno.EOPNOTSUPP)]
    [InlineData("vkms", 7ul, 1ul, Errno.EINVAL)]
    public void SetClientCap_Number_IsKnownToDriversWithDisplays(string driver, ulong capability, ulong value, Errno errno)
    {
        using var test = new TestGuest(Platform.None);
        int drm = test.Guest.Drm.Open(test.Init, driver).Value;
        byte[] bytes = new byte[16];
        SetLong(bytes, 0, capability);
        SetLong(bytes, 8, value);

        Assert.Equal(errno, Run(test, drm, SetClientCap, bytes));
    }

    [Theory]
    [Statement("S-GPU-28")]
    [InlineData(1, 1)]
    [InlineData(2, 1)]
    [InlineData(3, 0)]
    [InlineData(4, 0)]
    [InlineData(5, 3)]
    [InlineData(6, 1)]
    [InlineData(7, 0)]
    [InlineData(8, 512)]
    [InlineData(9, 512)]
    [InlineData(0x10, 1)]
    [InlineData(0x11, 0)]
    [InlineData(0x12, 1)]
    [InlineData(0x13, 0)]
    [InlineData(0x14, 0)]
    public void GetCap_OfVkms_IsWhatTheKernelTells(ulong capability, ulong value)
    {
        using var test = new TestGuest(Platform.None);
        int drm = test.Guest.Drm.Open(test.Init, "vkms").Value;

        Assert.Equal(value, test.Guest.Drm.GetCap(test.Init, drm, capability).Value);
    }

    [Fact]
    [Statement("S-GPU-24")]
    public void GetCap_Unknown_CopiesAZeroBack()
    {
        using var test = new TestGuest(Platform.None);
        int drm = test.Guest.Drm.Open(test.Init, "vgem").Value;
        byte[] bytes = new byte[16];
        SetLong(bytes, 0, 5);
        Assert.Equal(Errno.None, Run(test, drm, GetCap, bytes));
        Assert.Equal(3ul, Long(bytes, 8));
        SetLong(bytes, 0, 1);

        Assert.Equal(Errno.EOPNOTSUPP, Run(test, drm, GetCap, bytes));
        Assert.Equal(0ul, Long(bytes, 8));
    }

    [Fact]
    [Statement("S-GPU-01", "S-GPU-04", "S-GPU-11")]
    public void Prime_ThereAndBack_IsTheSameHandle()
    {
        using var test = new TestGuest();
        int drm = test.Guest.Drm.Open(test.Init, "vgem").Value;
        byte[] bytes = new byte[12];
        SetWord(bytes, 0, MakeDumb(test, drm));
        SetWord(bytes, 4, CloseOnExecAndReadWrite);

        Assert.Equal(Errno.None, Run(test, drm, HandleToFd, bytes));

        int fd = (int)Word(bytes, 8);
        Assert.Equal(16384, test.Guest.Files.Lseek(test.Init, fd, 0, 2).Value);
        SetWord(bytes, 0, 0);
        Assert.Equal(Errno.None, Run(test, drm, FdToHandle, bytes));
        Assert.Equal(1u, Word(bytes, 0));
        SetWord(bytes, 4, 1);
        Assert.Equal(Errno.EINVAL, Run(test, drm, HandleToFd, bytes));
    }

    [Fact]
    [Statement("S-GPU-20")]
    public void HandleToFd_CopyBackFaults_LeavesTheFd()
    {
        using var test = new TestGuest();
        int drm = test.Guest.Drm.Open(test.Init, "vgem").Value;
        byte[] bytes = new byte[12];
        SetWord(bytes, 0, MakeDumb(test, drm));

        Assert.Equal(Errno.EFAULT, Run(test, drm, HandleToFd, bytes, writable: false));

        Assert.Equal(16384, test.Guest.Files.Lseek(test.Init, drm + 1, 0, 2).Value);
    }

    [Fact]
    [Statement("S-GPU-11")]
    public void Dumb_Object_IsMappedAtItsOffsetAndDestroyed()
    {
        using var test = new TestGuest();
        int drm = test.Guest.Drm.Open(test.Init, "vgem").Value;
        byte[] bytes = new byte[16];
        SetWord(bytes, 0, MakeDumb(test, drm));

        Assert.Equal(Errno.None, Run(test, drm, MapDumb, bytes));

        ulong address = test.Guest.Mappings.Mmap(
            test.Init, drm, Long(bytes, 8), 16384, MapProtection.Read | MapProtection.Write, MapFlags.Shared).Value.Address;
        test.Store(address, [7]);
        Assert.Equal([7], test.Load(address, 1));
        Assert.Equal(Errno.None, Run(test, drm, DestroyDumb, bytes));
        Assert.Equal(Errno.EINVAL, Run(test, drm, DestroyDumb, bytes));
        Assert.Equal(Errno.ENOENT, Run(test, drm, MapDumb, bytes));
    }

    [Theory]
    [Statement("S-GPU-24")]
    [InlineData(0u, 1u, 32u, 9u)]
    [InlineData(64u, 64u, 32u, 256u)]
    public void CreateDumb_Refused_KeepsTheCallersFields(uint width, uint height, uint depth, uint pitch)
    {
        using var test = new TestGuest();
        int drm = test.Guest.Drm.Open(test.Init, "vgem").Value;
        byte[] bytes = new byte[32];
        SetWord(bytes, 0, height);
        SetWord(bytes, 4, width);
        SetWord(bytes, 8, depth);
        SetWord(bytes, 20, 9);

        Run(test, drm, CreateDumb, bytes);

        Assert.Equal(pitch, Word(bytes, 20));
    }

    [Fact]
    [Statement("S-RESV-02")]
    public void Fence_AttachAndSignal_ByNumber()
    {
        using var test = new TestGuest();
        int drm = test.Guest.Drm.Open(test.Init, "vgem", render: true).Value;
        byte[] import = new byte[12];
        SetWord(import, 8, (uint)test.Allocate(TestGuest.Shared, 4096));
        Assert.Equal(Errno.None, Run(test, drm, FdToHandle, import));
        byte[] bytes = new byte[16];
        SetWord(bytes, 0, Word(import, 0));
        SetWord(bytes, 4, 1);

        Assert.Equal(Errno.None, Run(test, drm, FenceAttach, bytes));
        Assert.Equal(1u, Word(bytes, 8));
        Assert.Equal(Errno.EBUSY, Run(test, drm, FenceAttach, bytes));
        SetWord(bytes, 12, 1);
        Assert.Equal(Errno.EINVAL, Run(test, drm, FenceAttach, bytes));
        byte[] signal = new byte[8];
        SetWord(signal, 0, 1);
        Assert.Equal(Errno.None, Run(test, drm, FenceSignal, signal));
        Assert.Equal(Errno.ENOENT, Run(test, drm, FenceSignal, signal));
        SetWord(signal, 4, 1);
        Assert.Equal(Errno.EINVAL, Run(test, drm, FenceSignal, signal));
    }

    private static uint MakeDumb(TestGuest test, int drm) => test.Guest.Drm.CreateDumb(test.Init, drm, 64, 64, 32).Value.Handle;

    private static uint CommandOf(DrmIoctlRow row) => IoctlCommand.Of(row.Direction, 'd', row.Number, (uint)row.Size).Value;

    private static Errno Run(TestGuest test, int fd, uint command, byte[] bytes, bool writable = true) =>
        test.Guest.Files.Ioctl(test.Init, fd, command, Base, new ArgumentMemory(Base, bytes, writable)).Failure?.Errno ?? Errno.None;

    private static uint Word(byte[] bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at));

    private static ulong Long(byte[] bytes, int at) => BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(at));

    private static void SetWord(byte[] bytes, int at, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(at), value);

    private static void SetLong(byte[] bytes, int at, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(at), value);
}
