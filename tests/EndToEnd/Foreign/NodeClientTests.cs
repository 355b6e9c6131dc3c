using CocoGuest.Tests.EndToEnd.Processes;

namespace CocoGuest.Tests.EndToEnd.Foreign;

/// <summary>node/client.js: a client without fd passing, over both transports.</summary>
public sealed class NodeClientTests(SharedServer shared) : IClassFixture<SharedServer>
{
    [ForeignTheory(ForeignTool.Node | ForeignTool.NodeGrpc)]
    [InlineData(Transport.Unix)]
    [InlineData(Transport.Tcp)]
    public async Task Walk_SharedBuffer_DeviceAndCpuSeeEachOther(Transport transport)
    {
        ForeignWalk walk = await WalkAsync(transport);

        Assert.Equal(("65536", "true", "false"), (walk.Text("size"), walk.Text("host_visible"), walk.Text("bounced")));
        Assert.Equal("", walk.Text("device_fd_token"));
        Assert.Equal("written by CPU  ", walk.Text("dma_read"));
        Assert.Equal("written by DMA  ", walk.Text("after_dma_write"));
        Assert.Equal("OK", walk.Text("stream_end"));
    }

    [ForeignTheory(ForeignTool.Node | ForeignTool.NodeGrpc)]
    [InlineData(Transport.Unix)]
    [InlineData(Transport.Tcp)]
    [Statement("S-SYS-62", "S-BUF-65")]
    public async Task Walk_PrivateBuffer_DeviceSeesASnapshotUntilTheSync(Transport transport)
    {
        ForeignWalk walk = await WalkAsync(transport);

        Assert.Equal(("", "true"), (walk.Text("private_fd_token"), walk.Text("private_bounced")));
        Assert.Equal(("before the map  ", "after the map   "), (walk.Text("stale_read"), walk.Text("synced_read")));
        Assert.Equal(("after the map   ", "by the device   "), (walk.Text("stale_load"), walk.Text("synced_load")));
    }

    [ForeignTheory(ForeignTool.Node | ForeignTool.NodeGrpc)]
    [InlineData(Transport.Unix)]
    [InlineData(Transport.Tcp)]
    public async Task Walk_RefusedCalls_CarryErrnoStepAndField(Transport transport)
    {
        ForeignWalk walk = await WalkAsync(transport);

        Assert.Equal(
            ("EBUSY", "16", "FAILED_PRECONDITION", "attachment"),
            (walk.Text("early_detach", "reason"), walk.Text("early_detach", "errno"), walk.Text("early_detach", "code"),
                walk.Text("early_detach", "field")));
        Assert.Equal(
            ("EBADF", "9", "look up fd"),
            (walk.Text("stat_of_closed_fd", "reason"), walk.Text("stat_of_closed_fd", "errno"), walk.Text("stat_of_closed_fd", "step")));
    }

    [ForeignTheory(ForeignTool.Node | ForeignTool.NodeGrpc)]
    [InlineData(Transport.Unix)]
    [InlineData(Transport.Tcp)]
    public async Task Walk_AtItsEnd_LeavesTheGuestAsItWas(Transport transport)
    {
        ForeignWalk walk = await WalkAsync(transport);

        Assert.Equal(walk.Before, walk.After);
    }

    private Task<ForeignWalk> WalkAsync(Transport transport) =>
        ForeignWalk.RunAsync(shared.Server, () => NodeClient.Start("walk", shared.Server.Target(transport)));
}
