using CocoGuest.Tests.EndToEnd.Processes;

namespace CocoGuest.Tests.EndToEnd.Foreign;

/// <summary>python/coco_client.py: real shared memory from another language, over both transports.</summary>
public sealed class PythonClientTests(SharedServer shared, PythonStubs stubs) : IClassFixture<SharedServer>, IClassFixture<PythonStubs>
{
    [ForeignTheory(ForeignTool.Python)]
    [InlineData(Transport.Unix)]
    [InlineData(Transport.Tcp)]
    public async Task Walk_OverEachTransport_SeesSharedMemoryAtEachStep(Transport transport)
    {
        ForeignWalk walk = await ForeignWalk.RunAsync(shared.Server, () => stubs.Start("walk", shared.Server.Target(transport)));

        Assert.Equal("65536", walk.Text("size"));
        Assert.Equal("true", walk.Text("host_visible"));
        Assert.Equal("2", walk.Text("second_redeem"));
        Assert.Equal("false", walk.Text("bounced"));
        Assert.Equal("65536", walk.Text("segment_bytes"));
        Assert.Equal("written by CPU  ", walk.Text("dma_read"));
        Assert.Equal("written by DMA  ", walk.Text("after_dma_write"));
        Assert.Equal("by mapped device", walk.Text("after_mapped_write"));
        Assert.Equal("written by CPU  ", walk.Text("other_process", "read"));
        Assert.Equal("by other process", walk.Text("after_other_process"));
        Assert.Equal("true", walk.Text("same_inode"));
        Assert.Equal("written by CPU  ", walk.Text("after_close"));
    }

    [ForeignTheory(ForeignTool.Python)]
    [InlineData(Transport.Unix)]
    [InlineData(Transport.Tcp)]
    [Statement("S-BUF-44")]
    public async Task Walk_DetachWhileMapped_IsRefusedWithErrnoStepAndField(Transport transport)
    {
        ForeignWalk walk = await ForeignWalk.RunAsync(shared.Server, () => stubs.Start("walk", shared.Server.Target(transport)));

        Assert.Equal(
            ("EBUSY", "16", "FAILED_PRECONDITION", "dma_buf_detach", "attachment"),
            (walk.Text("early_detach", "reason"), walk.Text("early_detach", "errno"), walk.Text("early_detach", "code"),
                walk.Text("early_detach", "operation"), walk.Text("early_detach", "field")));
        Assert.Equal(
            ("EBADF", "9", "fd"),
            (walk.Text("stat_of_closed_fd", "reason"), walk.Text("stat_of_closed_fd", "errno"), walk.Text("stat_of_closed_fd", "field")));
    }

    [ForeignTheory(ForeignTool.Python)]
    [InlineData(Transport.Unix)]
    [InlineData(Transport.Tcp)]
    public async Task Walk_AtItsEnd_LeavesTheGuestAsItWas(Transport transport)
    {
        ForeignWalk walk = await ForeignWalk.RunAsync(shared.Server, () => stubs.Start("walk", shared.Server.Target(transport)));

        Assert.Equal(walk.Before, walk.After);
    }
}
