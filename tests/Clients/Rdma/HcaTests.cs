using CocoGuest.Client;
using CocoGuest.Importer;
using CocoGuest.RdmaImporter;
using CocoGuest.RdmaImporter.Keys;

namespace CocoGuest.Tests.Clients.Rdma;

/// <summary>What the simulated HCA refuses before it asks the guest for anything.</summary>
public sealed class HcaTests
{
    private const int NoFd = 99;

    [Theory]
    [Statement("S-RDMA-01")]
    [InlineData(0x1000UL, 0x2001UL, 2u, 22, "iova")]
    [InlineData(0x1001UL, 0x2001UL, 64u, 22, "access")]
    [InlineData(0x1001UL, 0x2001UL, 2u, 22, "access")]
    [InlineData(0x1001UL, 0x2001UL, 3u, 9, "fd")]
    public async Task Register_SeveralThingsWrong_FailsAtTheKernelsFirstCheck(
        ulong offset, ulong iova, uint access, int errno, string field)
    {
        Hca hca = Bare();
        var request = new RegistrationRequest(1, NoFd, offset, 0x1000, iova, (AccessFlags)access, Cpu: 0, Hca.MaxPage);

        CocoException refusal = await Assert.ThrowsAsync<CocoException>(() => hca.RegisterAsync(request, buffer: null, default));

        Assert.Equal((errno, field), (refusal.Errno, refusal.Field));
    }

    [Fact]
    [Statement("S-RDMA-06")]
    public void DeallocatePd_WithAUser_IsEbusyUntilItIsDropped()
    {
        Hca hca = Bare();
        uint pd = hca.AllocatePd();
        hca.HoldPd(pd);

        Assert.Equal(16, Assert.Throws<CocoException>(() => hca.DeallocatePd(pd)).Errno);
        hca.DropPd(pd);
        hca.DeallocatePd(pd);

        Assert.Equal(22, Assert.Throws<CocoException>(() => hca.DeallocatePd(pd)).Errno);
    }

    [Theory]
    [Statement("S-RDMA-32")]
    [InlineData(CompletionStatus.SUCCESS, 0)]
    [InlineData(CompletionStatus.LOC_LEN_ERR, 1)]
    [InlineData(CompletionStatus.LOC_QP_OP_ERR, 2)]
    [InlineData(CompletionStatus.LOC_EEC_OP_ERR, 3)]
    [InlineData(CompletionStatus.LOC_PROT_ERR, 4)]
    [InlineData(CompletionStatus.WR_FLUSH_ERR, 5)]
    [InlineData(CompletionStatus.MW_BIND_ERR, 6)]
    [InlineData(CompletionStatus.BAD_RESP_ERR, 7)]
    [InlineData(CompletionStatus.LOC_ACCESS_ERR, 8)]
    [InlineData(CompletionStatus.REM_INV_REQ_ERR, 9)]
    [InlineData(CompletionStatus.REM_ACCESS_ERR, 10)]
    [InlineData(CompletionStatus.REM_OP_ERR, 11)]
    [InlineData(CompletionStatus.RETRY_EXC_ERR, 12)]
    [InlineData(CompletionStatus.RNR_RETRY_EXC_ERR, 13)]
    [InlineData(CompletionStatus.LOC_RDD_VIOL_ERR, 14)]
    [InlineData(CompletionStatus.REM_INV_RD_REQ_ERR, 15)]
    [InlineData(CompletionStatus.REM_ABORT_ERR, 16)]
    [InlineData(CompletionStatus.INV_EECN_ERR, 17)]
    [InlineData(CompletionStatus.INV_EEC_STATE_ERR, 18)]
    [InlineData(CompletionStatus.FATAL_ERR, 19)]
    [InlineData(CompletionStatus.RESP_TIMEOUT_ERR, 20)]
    [InlineData(CompletionStatus.GENERAL_ERR, 21)]
    public void CompletionStatus_Code_IsThatOfTheWire(object status, int code) => Assert.Equal(code, (byte)(CompletionStatus)status);

    // Nothing here gets as far as the device.
    private static Hca Bare() => new(null!, new DmaCounters());
}
