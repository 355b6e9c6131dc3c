using CocoGuest.Client;
using CocoGuest.Tests.EndToEnd.Processes;
using CocoGuest.V1;

namespace CocoGuest.Tests.EndToEnd.Clients;

/// <summary>A device's view of a buffer as memory of this program, in the buffer's order and by DMA address.</summary>
public sealed class DeviceSpanTests(SharedServer shared) : IClassFixture<SharedServer>
{
    // More than one chunk of the system heap: 1 MiB, then 64 KiB, then 4 KiB.
    private const int Bytes = (1 << 20) + (64 << 10) + 4096;

    [Fact]
    public async Task Span_OfASharedBuffer_IsTheMemoryThatTheCpuMaps()
    {
        await using Setup setup = await Setup.MakeAsync(shared, "system_cc_shared");

        setup.Cpu.Span[Bytes - 1] = 0x5a;
        setup.Dma.Span[5] = 0xa5;

        Assert.Equal((Bytes, (byte)0x5a, (byte)0xa5), (setup.Dma.Span.Length, setup.Dma.Span[Bytes - 1], setup.Cpu.Span[5]));
        Assert.Equal((ulong)Bytes, setup.Dma.Length);
    }

    [Fact]
    public async Task GetSpanAt_EachSegment_IsThatPartOfTheMemfd()
    {
        await using Setup setup = await Setup.MakeAsync(shared, "system_cc_shared");

        Assert.True(setup.Dma.Segments.Count > 1);
        ulong start = 0;
        foreach (DmaSegment segment in setup.Dma.Segments)
        {
            Assert.Equal(start, segment.FdOffset);
            setup.Cpu.GetSpan(start, 8).Fill((byte)(start >> 12));
            Assert.Equal((byte)(start >> 12), setup.Dma.GetSpanAt(segment.DmaAddress, (int)segment.Length)[7]);
            // As the bus has it, too.
            byte[] read = new byte[8];
            await setup.Dma.Attachment.Device.DmaReadAsync(segment.DmaAddress, read);
            Assert.All(read, one => Assert.Equal((byte)(start >> 12), one));
            start += segment.Length;
        }
    }

    [Fact]
    public async Task GetSpanAt_BeyondASegment_IsADmaFault()
    {
        await using Setup setup = await Setup.MakeAsync(shared, "system_cc_shared");
        DmaSegment first = setup.Dma.Segments[0];

        CocoException over = Assert.Throws<CocoException>(() => _ = setup.Dma.GetSpanAt(first.DmaAddress + 1, (int)first.Length));
        CocoException outside = Assert.Throws<CocoException>(() => _ = setup.Dma.GetSpanAt(0x10, 1));
        Assert.Equal(("EFAULT", "EFAULT"), (over.ErrnoName, outside.ErrnoName));
    }

    [Theory]
    [InlineData("system", false)]
    [InlineData("system_cc_shared", true)]
    public async Task Span_OfWhatDoesNotMoveBySharedMemory_SaysWhatToUse(string heap, bool mediated)
    {
        await using Setup setup = await Setup.MakeAsync(shared, heap, mediated, bytes: 4096);

        Assert.False(setup.Dma.IsDirect);
        InvalidOperationException refused = Assert.Throws<InvalidOperationException>(() => setup.Dma.Span.Clear());
        Assert.Contains("ReadAsync", refused.Message, StringComparison.Ordinal);
        Assert.All(setup.Dma.Segments, segment => Assert.Equal(0ul, segment.FdOffset));
    }

    [Fact]
    public async Task Span_AfterTheUnmap_IsGone()
    {
        await using Setup setup = await Setup.MakeAsync(shared, "system_cc_shared");
        await setup.Dma.DisposeAsync();

        Assert.Throws<ObjectDisposedException>(() => setup.Dma.Span.Clear());
    }

    private sealed record Setup(CocoConnection Connection, GuestProcess Process, MappedMemory Cpu, DeviceMapping Dma) : IAsyncDisposable
    {
        public static async Task<Setup> MakeAsync(SharedServer shared, string heap, bool mediated = false, int bytes = Bytes)
        {
            CocoConnection connection = shared.Server.Connect();
            GuestProcess process = await GuestProcess.OpenAsync(connection);
            GuestBuffer buffer = await process.AllocateAsync(heap, (ulong)bytes);
            var options = new DeviceOptions { Name = $"span-{process.Pid}", Mode = mediated ? DeviceMode.Mediated : DeviceMode.Mapped };
            GuestDevice device = await process.RegisterDeviceAsync(options);
            DeviceAttachment attachment = await device.AttachAsync(buffer);
            return new Setup(connection, process, await buffer.MmapAsync(), await attachment.MapAsync());
        }

        public async ValueTask DisposeAsync()
        {
            await Process.DisposeAsync();
            Connection.Dispose();
        }
    }
}
