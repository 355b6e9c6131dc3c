using CocoGuest.Tests.Service.Hosting;
using CocoGuest.V1;
using Google.Protobuf;

namespace CocoGuest.Tests.Service.Calls;

/// <summary>The five calls with as few fields as a person types, over TCP, without a process of one's own.</summary>
public sealed class FiveCallsTests : ServerTest
{
    private GuestService.GuestServiceClient Calls => new(Host.Tcp());

    [Fact]
    public async Task AllocateBuffer_ByHand_GivesVisibleBufferOfWholePages()
    {
        AllocateBufferResponse buffer = await Calls.AllocateBufferAsync(new() { Heap = "system_cc_shared", Len = 65537 });
        Assert.Equal((3, 69632ul, true), (buffer.Fd, buffer.Size, buffer.HostVisible));
    }

    [Fact]
    public async Task FiveCalls_ByHand_GoThrough()
    {
        GuestService.GuestServiceClient calls = Calls;
        AllocateBufferResponse buffer = await calls.AllocateBufferAsync(new() { Heap = "system_cc_shared", Len = 1 << 20 });
        MmapResponse mapping = await calls.MmapAsync(new() { Fd = buffer.Fd });
        AttachResponse attachment = await calls.AttachAsync(new() { Fd = buffer.Fd });
        MapDmaBufResponse map = await calls.MapDmaBufAsync(new() { Attachment = attachment.Attachment });
        await calls.UnmapDmaBufAsync(new() { Attachment = attachment.Attachment });
        await calls.DetachAsync(new() { Attachment = attachment.Attachment });
        await calls.MunmapAsync(new() { Address = mapping.Address });
        await calls.ReleaseAsync(new() { Fd = buffer.Fd });

        GuestInfo guest = (await new HostService.HostServiceClient(Host.Tcp()).GetGuestAsync(new())).Guest;
        Assert.Equal(0ul, guest.Objects.Buffers);
        Assert.Equal(1ul << 20, map.Segments.Aggregate(0ul, (sum, s) => sum + s.Length));
    }

    [Fact]
    public async Task Load_AfterStore_GivesTheBytes()
    {
        GuestService.GuestServiceClient calls = Calls;
        AllocateBufferResponse buffer = await calls.AllocateBufferAsync(new() { Heap = "system", Len = 4096 });
        MmapResponse mapping = await calls.MmapAsync(new() { Fd = buffer.Fd });
        await calls.StoreAsync(new() { Address = mapping.Address + 7, Data = ByteString.CopyFromUtf8("secret") });
        LoadResponse loaded = await calls.LoadAsync(new() { Address = mapping.Address + 7, Length = 6 });
        Assert.Equal("secret", loaded.Data.ToStringUtf8());
    }

    [Fact]
    public async Task Mmap_OfPrivateMemory_GivesNoFdToken()
    {
        GuestService.GuestServiceClient calls = Calls;
        AllocateBufferResponse buffer = await calls.AllocateBufferAsync(new() { Heap = "system", Len = 4096 });
        MmapResponse mapping = await calls.MmapAsync(new() { Fd = buffer.Fd });
        Assert.Equal(("", ""), (mapping.FdToken, mapping.BrokerPath));
    }

    [Fact]
    public async Task DmaRead_OfWhatTheCpuStored_GivesTheBytes()
    {
        GuestService.GuestServiceClient calls = Calls;
        AllocateBufferResponse buffer = await calls.AllocateBufferAsync(new() { Heap = "system_cc_shared", Len = 4096 });
        MmapResponse mapping = await calls.MmapAsync(new() { Fd = buffer.Fd });
        await calls.StoreAsync(new() { Address = mapping.Address, Data = ByteString.CopyFromUtf8("frame") });
        AttachResponse attachment = await calls.AttachAsync(new() { Fd = buffer.Fd });
        MapDmaBufResponse map = await calls.MapDmaBufAsync(new() { Attachment = attachment.Attachment });
        DmaReadResponse read = await new DeviceService.DeviceServiceClient(Host.Tcp())
            .DmaReadAsync(new() { DmaAddress = map.Segments[0].DmaAddress, Length = 5 });
        Assert.Equal("frame", read.Data.ToStringUtf8());
    }

    [Fact]
    public async Task ImportBuffer_OfExportedToken_GivesTheSameBuffer()
    {
        GuestService.GuestServiceClient calls = Calls;
        AllocateBufferResponse buffer = await calls.AllocateBufferAsync(new() { Heap = "system", Len = 4096 });
        ExportBufferResponse token = await calls.ExportBufferAsync(new() { Fd = buffer.Fd });
        ImportBufferResponse imported = await calls.ImportBufferAsync(new() { ShareToken = token.ShareToken });
        Assert.Equal(buffer.Ino, imported.Ino);
    }

    [Fact]
    public async Task ExportBuffer_ThatNobodyImports_LosesItsReferenceWithTime()
    {
        GuestService.GuestServiceClient calls = Calls;
        AllocateBufferResponse buffer = await calls.AllocateBufferAsync(new() { Heap = "system", Len = 4096 });
        await calls.ExportBufferAsync(new() { Fd = buffer.Fd, ExpiresAfterNanoseconds = 3_000_000_000 });
        await calls.ReleaseAsync(new() { Fd = buffer.Fd });
        Host.Time.Advance(TimeSpan.FromSeconds(5));

        Assert.Equal(0, Host.Part<CocoGuest.Machine.GuestRegistry>().Find("").Value.Snapshot().Objects.Buffers);
    }

    [Fact]
    public async Task StatBuffer_AfterSetName_TellsAll()
    {
        GuestService.GuestServiceClient calls = Calls;
        AllocateBufferResponse buffer = await calls.AllocateBufferAsync(new() { Heap = "system_cc_shared", Len = 8192 });
        await calls.SetBufferNameAsync(new() { Fd = buffer.Fd, Name = "scanout" });
        await calls.AttachAsync(new() { Fd = buffer.Fd });
        StatBufferResponse stat = await calls.StatBufferAsync(new() { Fd = buffer.Fd });
        Assert.Equal(
            (8192ul, "system_cc_shared", "scanout", true, 8192ul, "emu0"),
            (stat.Size, stat.ExpName, stat.Name, stat.Shared,
                stat.Chunks.Aggregate(0ul, (sum, c) => sum + c.Length), stat.AttachedDevices[0]));
    }
}
