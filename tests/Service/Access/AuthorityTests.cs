using CocoGuest.Tests.Service.Hosting;
using CocoGuest.Tests.Service.Probing;

namespace CocoGuest.Tests.Service.Access;

/// <summary>A Unix socket has no host name: a call is taken whatever its authority says.</summary>
public sealed class AuthorityTests : ServerTest
{
    [Theory]
    [InlineData("/run/user/1000/cocoguest/cocoguest.sock")]
    [InlineData("%2Frun%2Fcocoguest.sock")]
    [InlineData("csi/csi.sock")]
    [InlineData("unix:/run/cocoguest.sock")]
    [InlineData("@abstract socket")]
    [InlineData("user@host:7070")]
    [InlineData("localhost:99999999")]
    [InlineData("f\u00fcnf")]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("localhost")]
    [InlineData("localhost:80")]
    [InlineData("[::1]:1")]
    [InlineData("EXAMPLE.org")]
    [InlineData("host_under")]
    public void Call_OverTheUnixSocket_IsTakenWithAnyAuthority(string? authority)
    {
        using var client = new RawHttp2(Host.Server.SocketPath);

        client.Begin(1, "/cocoguest.v1.GuestService/ListHeaps", authority);
        client.Write(1, end: true, 0, 0, 0, 0, 0);

        Assert.True(client.Succeeds(1));
    }
}
