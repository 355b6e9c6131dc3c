using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Devices;
using CocoGuest.Tests.Machine.Guests;

namespace CocoGuest.Tests.Machine.Dma;

/// <summary>Pools of small blocks over coherent memory.</summary>
public sealed class DmaPoolTests
{
    [Theory]
    [Statement("S-DMA-90")]
    [InlineData(1, 0, 0, 16, 4096)]
    [InlineData(20, 8, 0, 24, 4096)]
    [InlineData(100, 64, 256, 128, 256)]
    [InlineData(5000, 4096, 0, 8192, 8192)]
    [InlineData(64, 0, 1 << 20, 64, 4096)]
    public void CreatePool_SizeAndAlignment_GiveTheBlock(ulong size, ulong align, ulong boundary, uint block, uint kept)
    {
        using var test = new TestGuest();

        DmaPoolInfo pool = test.Guest.DmaApi.CreatePool(test.Init, "", "ring", size, align, boundary).Value;

        Assert.Equal((block, kept), (pool.BlockSize, pool.Boundary));
    }

    [Theory]
    [Statement("S-DMA-90")]
    [InlineData(0UL, 0UL, 0UL, "size")]
    [InlineData(1UL << 31, 0UL, 0UL, "size")]
    [InlineData(8UL, 3UL, 0UL, "align")]
    [InlineData(64UL, 0UL, 32UL, "boundary")]
    [InlineData(64UL, 0UL, 192UL, "boundary")]
    public void CreatePool_WhatTheKernelRefuses_NamesTheField(ulong size, ulong align, ulong boundary, string field)
    {
        using var test = new TestGuest();

        Failure? failure = test.Guest.DmaApi.CreatePool(test.Init, "", "ring", size, align, boundary).Failure;

        Assert.Equal((Errno.ENOMEM, field), (failure!.Errno, failure.Field));
    }

    [Fact]
    [Statement("S-DMA-91", "S-DMA-92")]
    public void AllocFromPool_WithABoundary_SkipsToItAndReusesTheLastFreedBlock()
    {
        using var test = new TestGuest();
        GuestDmaApi api = test.Guest.DmaApi;
        ulong pool = api.CreatePool(test.Init, "", "ring", 1500, 4, 2048).Value.Id;

        DmaPoolBlock[] blocks = [.. Enumerable.Range(0, 3).Select(_ => api.AllocFromPool(test.Init, pool).Value)];

        Assert.Equal([0UL, 2048, 0], blocks.Select(b => b.Offset));
        Assert.Equal(2, blocks.Select(b => b.Allocation).Distinct().Count());
        Assert.Null(api.FreeToPool(test.Init, pool, blocks[0].DmaAddress));
        Assert.Null(api.FreeToPool(test.Init, pool, blocks[1].DmaAddress));
        Assert.Equal(blocks[1], api.AllocFromPool(test.Init, pool).Value);
        Assert.Equal("dma_address", api.FreeToPool(test.Init, pool, blocks[0].DmaAddress)!.Field);
    }

    [Fact]
    [Statement("S-DMA-91", "S-DMA-93")]
    public void DestroyPool_WithBlocksInUse_IsBusyAndThenGivesItsPagesBack()
    {
        using var test = new TestGuest();
        GuestDmaApi api = test.Guest.DmaApi;
        MemoryCensus before = test.Snapshot().Memory;
        ulong pool = api.CreatePool(test.Init, "", "ring", 64, 0, 0).Value.Id;
        DmaPoolBlock block = api.AllocFromPool(test.Init, pool).Value;
        Assert.Equal(before.Shared + 4096, test.Snapshot().Memory.Shared);
        Assert.Null(api.Write(test.Init, block.Allocation, block.Offset, [3]));
        Assert.Equal([3], test.DmaRead(block.DmaAddress, 1));
        Assert.Equal("allocation", api.Free(test.Init, block.Allocation)!.Field);
        Assert.Equal((Errno.EBUSY, "pool"), (api.DestroyPool(test.Init, pool)!.Errno, api.DestroyPool(test.Init, pool)!.Field));

        Assert.Null(api.FreeToPool(test.Init, pool, block.DmaAddress));
        Assert.Null(api.DestroyPool(test.Init, pool));

        Assert.Equal(before, test.Snapshot().Memory);
        Assert.Equal("pool", api.AllocFromPool(test.Init, pool).Failure!.Field);
    }
}
