using CocoGuest.Tests.EndToEnd.Processes;

namespace CocoGuest.Tests.EndToEnd.Demo;

/// <summary>The demo's report on drawn pictures: outcomes by heap, syncs and order; who moved how many bytes; what is left.</summary>
public sealed class DemoReportTests(SharedServer shared) : IClassFixture<SharedServer>, IDisposable
{
    /// <summary>Bytes of the default picture: 1280 x 720 XRGB8888.</summary>
    private const long Bytes = 1280 * 720 * 4;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("coco-e2e-demo-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    [Statement("S-SYS-64", "S-BUF-67")]
    public async Task Demo_SharedMemory_ServerCopiesNothingAndEachProcessMovesThePicture()
    {
        DemoResult demo = await RunAsync();

        Assert.Equal((0, "Picture", "Picture", true), demo.Verdict);
        Assert.Equal((0, 0), (demo.ServerCopies, demo.Number("serverCopies", "sharedMappingBytes")));
        Assert.Equal((0, 0), (demo.Number("swiotlb", "bouncedMappings"), demo.Number("swiotlb", "slotsUsed")));
        Assert.Equal((Bytes, 0), (demo.OfProcess("application", "cpuDirectBytes"), demo.OfProcess("application", "cpuServerBytes")));
        Assert.Equal((Bytes, 0), (demo.OfProcess("RDMA receiver", "dmaDirectBytes"), demo.OfProcess("RDMA receiver", "dmaServerBytes")));
        Assert.Equal((2 * Bytes, 0), (demo.OfProcess("DRM importer", "dmaDirectBytes"), demo.OfProcess("DRM importer", "dmaServerBytes")));
    }

    [Fact]
    public async Task Demo_AfterItsRelease_AsMuchIsSharedAsBefore()
    {
        DemoResult demo = await RunAsync();

        Assert.Equal(demo.Number("sharedBytes", "before"), demo.Number("sharedBytes", "after"));
        Assert.InRange(demo.Number("sharedBytes", "during") - demo.Number("sharedBytes", "before"), 3 * Bytes, 4 * Bytes);
    }

    [Fact]
    public async Task Demo_AtItsEnd_LeavesNoGuest()
    {
        using Client.CocoConnection connection = shared.Server.Connect();
        int before = (await connection.Host.ListGuestsAsync(new())).Guests.Count;

        await RunAsync("--size", "64x48");

        Assert.Equal(before, (await connection.Host.ListGuestsAsync(new())).Guests.Count);
    }

    [Theory]
    [Statement("S-PLAT-10", "S-PLAT-11", "S-PLAT-12")]
    [InlineData("snp", "ciphertext|0xff")]
    [InlineData("sev", "ciphertext")]
    [InlineData("tdx", "zeros")]
    [InlineData("none", "plain text")]
    public async Task Demo_PrivatePage_HostSeesWhatThePlatformShows(string platform, string kinds)
    {
        DemoResult demo = await RunAsync("--platform", platform, "--size", "64x48");

        Assert.Contains(demo.Text("privatePage", "hostSeesKind"), kinds.Split('|'));
        Assert.Equal(kinds == "plain text", demo.Text("privatePage", "hostSees") == demo.Text("privatePage", "guestSees"));
    }

    [Fact]
    public async Task Demo_MediatedDevices_PictureIsRightAndTheServerCopiesIt()
    {
        DemoResult demo = await RunAsync("--mediated", "--size", "320x200");

        Assert.Equal((0, "Picture", "Picture", true), demo.Verdict);
        Assert.Equal(
            (0, 2 * 320 * 200 * 4),
            (demo.OfProcess("DRM importer", "dmaDirectBytes"), demo.OfProcess("DRM importer", "dmaServerBytes")));
    }

    [Fact]
    [Statement("S-SYS-60", "S-SWI-12")]
    public async Task Demo_PrivateMemoryWithAMegabyteChunk_FailsWithEioAndTakesNoSlot()
    {
        DemoResult demo = await RunAsync("--heap", "system");

        Assert.Equal((0, "MapFailed", "MapFailed", true), demo.Verdict);
        Assert.StartsWith("EIO (5)", demo.Text("error"), StringComparison.Ordinal);
        Assert.Equal((0, 0), (demo.Number("swiotlb", "slotsUsed"), demo.Number("swiotlb", "bytesToDevice")));
    }

    [Fact]
    [Statement("S-BUF-65", "S-SYS-61")]
    public async Task Demo_SmallPrivatePicture_BouncesAndTheSyncsCopyIt()
    {
        DemoResult demo = await RunAsync("--heap", "system", "--size", "320x200");

        Assert.Equal((0, "Picture", "Picture", true), demo.Verdict);
        Assert.InRange(demo.Number("swiotlb", "bytesToBuffer"), 2 * 320 * 200 * 4, long.MaxValue);
        Assert.Equal(0, demo.OfProcess("DRM importer", "dmaDirectBytes"));
        Assert.NotEqual(0, demo.Number("serverCopies", "bounceBytes"));
    }

    [Fact]
    [Statement("S-BUF-65", "S-SYS-62")]
    public async Task Demo_SmallPrivatePictureWithoutSyncs_ApplicationReadsZerosUntilTheUnmap()
    {
        DemoResult demo = await RunAsync("--heap", "system", "--size", "320x200", "--no-sync");

        Assert.Equal((0, "Untouched", "Untouched", true), demo.Verdict);
        Assert.Contains("S-SYS-62", demo.Text("checks"), StringComparison.Ordinal);
    }

    [Fact]
    [Statement("S-BUF-66")]
    public async Task Demo_SmallPrivatePictureWithTheGpuFirst_OldSnapshotWins()
    {
        DemoResult demo = await RunAsync("--heap", "system", "--size", "320x200", "--order", "gpu-first");

        Assert.Equal((0, "SharpenedZeros", "SharpenedZeros", true), demo.Verdict);
    }

    [Fact]
    [Statement("S-HEAP-48")]
    public async Task Demo_SharedHeapOnAPlainGuest_IsEnoent()
    {
        DemoResult demo = await RunAsync("--platform", "none", "--heap", "system_cc_shared");

        Assert.Equal((1, "NoSuchHeap", "NoSuchHeap"), (demo.ExitCode, demo.Text("predicted"), demo.Text("outcome")));
        Assert.StartsWith("ENOENT (2)", demo.Text("error"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Demo_WithoutAServer_StartsOneOfItsOwn()
    {
        DemoResult demo = await DemoResult.RunAsync(
            ["--output", Path.Combine(_folder.FullName, "out.png"), "--size", "64x48"], ("XDG_RUNTIME_DIR", _folder.FullName));

        Assert.Equal((0, "Picture", "Picture", true), demo.Verdict);
        Assert.Contains("started for the demo", demo.Text("server"), StringComparison.Ordinal);
    }

    private Task<DemoResult> RunAsync(params string[] arguments) =>
        DemoResult.RunAsync(["--server", shared.Server.Unix, "--output", Path.Combine(_folder.FullName, "out.png"), .. arguments]);
}
