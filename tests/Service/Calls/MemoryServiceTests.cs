using CocoGuest.Machine;
using CocoGuest.Tests.Service.Hosting;
using CocoGuest.Tests.Service.Processes;
using CocoGuest.V1;
using Google.Protobuf;
using Grpc.Core;

namespace CocoGuest.Tests.Service.Calls;

/// <summary>A process' own memory over gRPC: rights, pins, and children that have a life of their own.</summary>
public sealed class MemoryServiceTests : ServerTest
{
    private const ulong Page = 4096;
    private const uint ProtRead = 1;
    private const uint MapShared = 1;
    private const uint MayMove = 1;
    private const uint MoveFixed = 2;
    private const uint MsAsync = 1;
    private const uint MsSync = 4;

    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(5);
    private static readonly ByteString Before = ByteString.CopyFromUtf8("before");
    private static readonly ByteString After = ByteString.CopyFromUtf8("after!");

    private MemoryService.MemoryServiceClient Memory => field ??= new(Host.Unix());

    private GuestService.GuestServiceClient Guests => field ??= Host.Guests();

    private Guest Guest => Host.Part<GuestRegistry>().Find("").Value;

    [Fact]
    public async Task MmapAnonymous_Stored_IsLoadedAgain()
    {
        MmapAnonymousResponse mapping = await Memory.MmapAnonymousAsync(new() { Length = Page + 1 });
        Assert.Equal(2 * Page, mapping.Length);
        await Guests.StoreAsync(new() { Address = mapping.Address + Page - 3, Data = Before });
        Assert.Equal(Before, await LoadAsync("", mapping.Address + Page - 3));
    }

    [Fact]
    public async Task Mprotect_ToReadOnly_RefusesStores()
    {
        ulong address = await MapAsync(2 * Page);
        await Memory.MprotectAsync(new() { Address = address + Page, Length = Page, Prot = ProtRead });
        await Guests.StoreAsync(new() { Address = address, Data = Before });
        Assert.Equal(
            "EFAULT", Failures.InfoOf(await FailsAsync(Guests.StoreAsync(new() { Address = address + Page, Data = Before }))).Reason);
    }

    [Fact]
    [Statement("S-BUF-36")]
    public async Task Mprotect_OfAReadOnlyFdsMapping_IsEacces()
    {
        int fd = (await Guests.AllocateBufferAsync(new() { Heap = "system", Len = Page, FdFlags = 0 })).Fd;
        ulong address = (await Guests.MmapAsync(new() { Fd = fd })).Address;
        RpcException e = await FailsAsync(Memory.MprotectAsync(new() { Address = address, Length = Page, Prot = 3 }));
        Assert.Equal(("EACCES", "prot"), (Failures.InfoOf(e).Reason, Failures.InfoOf(e).Metadata["field"]));
    }

    [Fact]
    public async Task MunmapRange_InTheMiddle_LeavesBothEnds()
    {
        ulong address = await MapAsync(3 * Page);
        await Memory.MunmapRangeAsync(new() { Address = address + Page, Length = Page });
        await LoadAsync("", address);
        await LoadAsync("", address + (2 * Page));
        Assert.Equal("EFAULT", Failures.InfoOf(await FailsAsync(Guests.LoadAsync(new() { Address = address + Page, Length = 1 }))).Reason);
    }

    [Fact]
    public async Task Mremap_OfAnonymousMemory_GrowsElsewhereWithItsBytes()
    {
        ulong address = await MapAsync(Page);
        await Guests.StoreAsync(new() { Address = address, Data = Before });

        ulong moved = (await Memory.MremapAsync(
            new() { Address = address, OldLength = Page, NewLength = 3 * Page, Flags = MayMove })).Address;

        Assert.Equal(Before, await LoadAsync("", moved));
        await Guests.StoreAsync(new() { Address = moved + (2 * Page), Data = After });
        Assert.Equal("ENOMEM", Failures.InfoOf(await FailsAsync(
            Memory.MremapAsync(new() { Address = moved, OldLength = 3 * Page, NewLength = 1UL << 46 }))).Reason);
    }

    [Fact]
    [Statement("S-BUF-36")]
    public async Task Mremap_OfABuffer_MovesAndShrinksButNeverGrows()
    {
        ulong address = await MapBufferAsync(2 * Page);
        await Guests.StoreAsync(new() { Address = address, Data = Before });
        ulong target = address - (64 * Page);

        ulong moved = (await Memory.MremapAsync(new()
        {
            Address = address,
            OldLength = 2 * Page,
            NewLength = Page,
            Flags = MayMove | MoveFixed,
            NewAddress = target,
        })).Address;

        Assert.Equal(target, moved);
        Assert.Equal(Before, await LoadAsync("", moved));
        RpcException e = await FailsAsync(
            Memory.MremapAsync(new() { Address = moved, OldLength = Page, NewLength = 2 * Page, Flags = MayMove }));
        Assert.Equal("EFAULT", Failures.InfoOf(e).Reason);
    }

    [Theory]
    [InlineData("DONTFORK", true)]
    [InlineData("DONTNEED", false)]
    [InlineData("DOFORK", false)]
    [InlineData("HUGEPAGE", false)]
    [InlineData("TEA", false)]
    [Statement("S-BUF-36")]
    public async Task Madvise_OfABuffer_TakesWhatAMappingByPageFrameTakes(string advice, bool taken)
    {
        ulong address = await MapBufferAsync(Page);
        AsyncUnaryCall<MadviseResponse> call = Memory.MadviseAsync(new() { Address = address, Length = Page, Advice = advice });
        if (taken)
        {
            await call;
            return;
        }

        RpcException e = await FailsAsync(call);
        Assert.Equal(("EINVAL", "advice"), (Failures.InfoOf(e).Reason, Failures.InfoOf(e).Metadata["field"]));
    }

    [Fact]
    public async Task Madvise_DontneedOfAnonymousMemory_DropsItsBytes()
    {
        ulong address = await MapAsync(Page);
        await Guests.StoreAsync(new() { Address = address, Data = Before });
        await Memory.MadviseAsync(new() { Address = address, Length = Page, Advice = "DONTNEED" });
        Assert.Equal(new byte[6], await LoadAsync("", address));
    }

    [Fact]
    [Statement("S-BUF-36")]
    [Statement("S-REC-53")]
    public async Task MsyncMlockMincore_OfABuffer_AreAsForAMappingByPageFrame()
    {
        ulong address = await MapBufferAsync(2 * Page);
        await Memory.MsyncAsync(new() { Address = address, Length = Page, Flags = MsAsync });
        RpcException e = await FailsAsync(Memory.MsyncAsync(new() { Address = address, Length = Page, Flags = MsSync }));
        Assert.Equal(("EINVAL", "flags"), (Failures.InfoOf(e).Reason, Failures.InfoOf(e).Metadata["field"]));
        await Memory.MlockAsync(new() { Address = address, Length = 2 * Page });
        Assert.Equal([false, false], (await Memory.MincoreAsync(new() { Address = address, Length = 2 * Page })).Resident);
    }

    [Fact]
    public async Task Mincore_OfAnonymousMemory_TellsThePagesThatAreThere()
    {
        ulong address = await MapAsync(2 * Page);
        await Guests.StoreAsync(new() { Address = address + Page, Data = Before });
        Assert.Equal([false, true], (await Memory.MincoreAsync(new() { Address = address, Length = 2 * Page })).Resident);
    }

    [Fact]
    [Statement("S-PIN-03")]
    public async Task PinUserPages_IntoAHole_GivesTheShortCountAndUnpinsOnce()
    {
        ulong address = await MapAsync(3 * Page);
        await Memory.MunmapRangeAsync(new() { Address = address + (2 * Page), Length = Page });
        PinUserPagesResponse pin = await Memory.PinUserPagesAsync(new() { Address = address, Length = 3 * Page, Write = true });
        Assert.Equal((2, 3ul, 2), (pin.PageAddresses.Distinct().Count(), pin.WantedPages, Guest.Pins.PinnedPages));

        await Memory.UnpinUserPagesAsync(new() { Pin = pin.Pin });
        Assert.Equal(0, Guest.Pins.PinnedPages);
        Assert.Equal("ENOENT", Failures.InfoOf(await FailsAsync(Memory.UnpinUserPagesAsync(new() { Pin = pin.Pin }))).Reason);
    }

    [Fact]
    [Statement("S-PIN-02")]
    public async Task PinUserPages_OfAHeapBuffer_IsEfault()
    {
        int fd = (await Guests.AllocateBufferAsync(new() { Heap = "system", Len = Page })).Fd;
        ulong address = (await Guests.MmapAsync(new() { Fd = fd })).Address;
        RpcException e = await FailsAsync(Memory.PinUserPagesAsync(new() { Address = address, Length = Page }));
        Assert.Equal("EFAULT", Failures.InfoOf(e).Reason);
    }

    [Fact]
    public async Task PinUserPages_OfAProcessThatExits_AreLetGo()
    {
        using OpenedProcess process = await OpenedProcess.StartAsync(Host.Unix());
        ulong address = (await Memory.MmapAnonymousAsync(new() { Process = process.Handle, Length = Page })).Address;
        await Memory.PinUserPagesAsync(new() { Process = process.Handle, Address = address, Length = Page, Write = true });
        await Guests.ExitProcessAsync(new() { Process = process.Handle });
        Assert.Equal(0, Guest.Pins.PinnedPages);
    }

    [Fact]
    public async Task ForkProcess_ChildStores_ParentSeesSharedMemoryOnly()
    {
        using OpenedProcess parent = await OpenedProcess.StartAsync(Host.Unix(), new() { Name = "parent" });
        ulong own = (await Memory.MmapAnonymousAsync(new() { Process = parent.Handle, Length = Page })).Address;
        ulong shared = (await Memory.MmapAnonymousAsync(new() { Process = parent.Handle, Length = Page, Flags = MapShared })).Address;
        await StoreAsync(parent.Handle, own, Before);
        await StoreAsync(parent.Handle, shared, Before);

        string child = (await Memory.ForkProcessAsync(new() { Process = parent.Handle })).Child.Process;
        Assert.Equal(Before, await LoadAsync(child, own));
        await StoreAsync(child, own, After);
        await StoreAsync(child, shared, After);

        Assert.Equal((Before, After), (await LoadAsync(parent.Handle, own), await LoadAsync(parent.Handle, shared)));
        Assert.Equal(After, await LoadAsync(child, own));
    }

    [Fact]
    public async Task ForkProcess_ChildNobodyOpens_EndsAfterTheGraceTime()
    {
        using OpenedProcess parent = await OpenedProcess.StartAsync(Host.Unix());
        string child = (await Memory.ForkProcessAsync(new() { Process = parent.Handle })).Child.Process;
        Host.Time.Advance(Grace - TimeSpan.FromTicks(1));
        Assert.Equal(3, Guest.Snapshot().Objects.Processes);
        Host.Time.Advance(TimeSpan.FromTicks(1));
        Assert.Equal(2, Guest.Snapshot().Objects.Processes);
        Assert.Equal("ENOENT", Failures.InfoOf(await FailsAsync(Guests.ExitProcessAsync(new() { Process = child }))).Reason);
    }

    [Fact]
    public async Task ForkProcess_ChildThatIsOpened_OutlivesItsParentWithItsFds()
    {
        using OpenedProcess parent = await OpenedProcess.StartAsync(Host.Unix());
        AllocateBufferResponse buffer = await Guests.AllocateBufferAsync(new() { Process = parent.Handle, Heap = "system", Len = Page });
        ProcessOpened forked = (await Memory.ForkProcessAsync(new() { Process = parent.Handle })).Child;
        using OpenedProcess child = await OpenedProcess.RejoinAsync(Host.Unix(), forked);
        Assert.Equal(forked, child.Opened);

        await Guests.ExitProcessAsync(new() { Process = parent.Handle });
        Host.Time.Advance(Grace * 2);
        Assert.Equal(buffer.Ino, (await Guests.StatBufferAsync(new() { Process = child.Handle, Fd = buffer.Fd })).Ino);

        await Guests.ExitProcessAsync(new() { Process = child.Handle });
        Assert.Null(await child.NextAsync());
        Assert.Equal(0, Guest.Snapshot().Objects.Buffers);
    }

    [Fact]
    public async Task ForkProcess_OverTheUnixSocket_GivesAChildThatTcpMayNotUse()
    {
        string child = (await Memory.ForkProcessAsync(new())).Child.Process;
        var overTcp = new MemoryService.MemoryServiceClient(Host.Tcp());
        RpcException e = await FailsAsync(overTcp.MmapAnonymousAsync(new() { Process = child, Length = Page }));
        Assert.Equal("EPERM", Failures.InfoOf(e).Reason);
    }

    [Theory]
    [InlineData("map nothing", "EINVAL", "length")]
    [InlineData("map flags", "EINVAL", "flags")]
    [InlineData("map rights", "EINVAL", "prot")]
    [InlineData("map at an odd address", "EINVAL", "address")]
    [InlineData("protect an odd address", "EINVAL", "address")]
    [InlineData("protect a hole", "ENOMEM", "address")]
    [InlineData("protect rights", "EINVAL", "prot")]
    [InlineData("unmap an odd address", "EINVAL", "address")]
    [InlineData("pin nothing", "EINVAL", "length")]
    [InlineData("pin a hole", "EFAULT", "address")]
    [InlineData("unpin", "ENOENT", "pin")]
    [InlineData("remap flags", "EINVAL", "flags")]
    [InlineData("remap a hole", "EFAULT", "address")]
    [InlineData("advise a hole", "ENOMEM", "address")]
    [InlineData("sync both ways", "EINVAL", "flags")]
    [InlineData("lock a hole", "ENOMEM", "address")]
    [InlineData("look at too much", "EINVAL", "length")]
    [InlineData("fork", "EINVAL", "process")]
    public async Task WrongField_IsNamed(string what, string errno, string field)
    {
        RpcException e = await Assert.ThrowsAsync<RpcException>(() => CallAsync(what));
        Google.Rpc.ErrorInfo info = Failures.InfoOf(e);
        Assert.Equal((errno, field), (info.Reason, info.Metadata["field"]));
    }

    private async Task CallAsync(string what)
    {
        switch (what)
        {
            case "map nothing": await Memory.MmapAnonymousAsync(new()); break;
            case "map flags": await Memory.MmapAnonymousAsync(new() { Length = 1, Flags = 0 }); break;
            case "map rights": await Memory.MmapAnonymousAsync(new() { Length = 1, Prot = 8 }); break;
            case "map at an odd address": await Memory.MmapAnonymousAsync(new() { Length = 1, Flags = 0x12, Address = Page + 1 }); break;
            case "protect an odd address": await Memory.MprotectAsync(new() { Address = 1, Length = 1 }); break;
            case "protect a hole": await Memory.MprotectAsync(new() { Address = Page, Length = 1 }); break;
            case "protect rights": await Memory.MprotectAsync(new() { Address = Page, Length = 1, Prot = 8 }); break;
            case "unmap an odd address": await Memory.MunmapRangeAsync(new() { Address = 1, Length = 1 }); break;
            case "pin nothing": await Memory.PinUserPagesAsync(new() { Address = Page }); break;
            case "pin a hole": await Memory.PinUserPagesAsync(new() { Address = Page, Length = 1 }); break;
            case "unpin": await Memory.UnpinUserPagesAsync(new() { Pin = 9 }); break;
            case "remap flags": await Memory.MremapAsync(new() { Address = Page, OldLength = 1, NewLength = 1, Flags = 8 }); break;
            case "remap a hole": await Memory.MremapAsync(new() { Address = Page, OldLength = 1, NewLength = 1 }); break;
            case "advise a hole": await Memory.MadviseAsync(new() { Address = Page, Length = 1, Advice = "NORMAL" }); break;
            case "sync both ways": await Memory.MsyncAsync(new() { Address = Page, Length = 1, Flags = MsAsync | MsSync }); break;
            case "lock a hole": await Memory.MlockAsync(new() { Address = Page, Length = 1 }); break;
            case "look at too much":
                ulong most = await MapAsync(4UL << 30);
                await Memory.MmapAnonymousAsync(new() { Length = Page, Flags = 0x12, Address = most - Page });
                await Memory.MincoreAsync(new() { Address = most - Page, Length = (4UL << 30) + Page });
                break;
            case "fork": await Memory.ForkProcessAsync(new() { Process = "x" }); break;
            default: throw new ArgumentOutOfRangeException(nameof(what), what, null);
        }
    }

    private async Task<ulong> MapBufferAsync(ulong length) =>
        (await Guests.MmapAsync(new() { Fd = (await Guests.AllocateBufferAsync(new() { Heap = "system", Len = length })).Fd })).Address;

    private async Task<ulong> MapAsync(ulong length) => (await Memory.MmapAnonymousAsync(new() { Length = length })).Address;

    private async Task StoreAsync(string process, ulong address, ByteString data) =>
        await Guests.StoreAsync(new() { Process = process, Address = address, Data = data });

    private async Task<ByteString> LoadAsync(string process, ulong address) =>
        (await Guests.LoadAsync(new() { Process = process, Address = address, Length = (ulong)Before.Length })).Data;
}
