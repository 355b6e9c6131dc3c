using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Memory.Store;
using CocoGuest.Machine.Profiles;
using CocoGuest.Service.Options;
using CocoGuest.Service.Processes;
using CocoGuest.Supervisor;

namespace CocoGuest.Tests.Service.Broker;

/// <summary>Who may redeem a token.</summary>
public sealed class FdTokenTableTests : IDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly GuestRegistry _host;
    private readonly FdTokenTable _tokens;
    private readonly VisibleBacking _backing;

    public FdTokenTableTests()
    {
        _host = new GuestRegistry(_time, new RandomSecrets());
        _tokens = new FdTokenTable(_time, new RandomSecrets(), new ServerOptions());
        Guest guest = _host.Create(new GuestShape()).Value;
        BufferHandle buffer = guest.Heaps.Allocate(guest.Processes.Init, "system_cc_shared", 4096, 2, 0).Value;
        _backing = guest.Mappings.Mmap(guest.Processes.Init, buffer.Fd, 0, null, null, Machine.Abi.MapFlags.Shared).Value.Backing!;
    }

    [Fact]
    public void Redeem_ByAnotherUser_FailsAndLeavesTheTokenToItsOwner()
    {
        ProcessSession holder = SessionOf(userId: 1000);
        Handle128 token = _tokens.Issue(holder, _backing);
        Assert.Null(_tokens.Redeem(token, userId: 1001));
        Assert.Same(_backing, _tokens.Redeem(token, userId: 1000)!.Backing);
    }

    [Fact]
    public void Redeem_OfTokenOfProcessOverTcp_IsOpenToWhoeverMayConnect() =>
        Assert.NotNull(_tokens.Redeem(_tokens.Issue(SessionOf(userId: null), _backing), userId: 7));

    [Fact]
    public void DropAll_OfAProcess_EndsItsTokensAndNoOthers()
    {
        ProcessSession going = SessionOf(null);
        ProcessSession staying = SessionOf(null);
        Handle128 gone = _tokens.Issue(going, _backing);
        Handle128 kept = _tokens.Issue(staying, _backing);
        _tokens.DropAll(going);
        Assert.Null(_tokens.Redeem(gone, 0));
        Assert.NotNull(_tokens.Redeem(kept, 0));
    }

    [Fact]
    public void Issue_ToAProcessThatIsGone_LeavesNothingBehind()
    {
        ProcessSession session = SessionOf(null);
        _tokens.DropAll(session);
        Assert.Null(_tokens.Redeem(_tokens.Issue(session, _backing), 0));
        Assert.Equal(0, _tokens.Count);
    }

    public void Dispose() => _host.Dispose();

    private ProcessSession SessionOf(uint? userId) => new(_host.Find("").Value.Processes.Open("p").Value, userId);
}
