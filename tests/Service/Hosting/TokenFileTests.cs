using CocoGuest.Service.Hosting;
using CocoGuest.Service.Starting;
using CocoGuest.V1;
using Grpc.Core;

namespace CocoGuest.Tests.Service.Hosting;

/// <summary>The token for TCP in a file: read, or made for its owner alone, and shown nowhere.</summary>
public sealed class TokenFileTests : ServerTest
{
    private const string Given = "a-token-of-somebody";
    private const UnixFileMode OwnersOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private string Folder => Path.GetDirectoryName(Host.Server.SocketPath)!;

    [Fact]
    public async Task Start_WithoutTheFile_MakesItForItsOwnerAlone()
    {
        string file = Path.Combine(Folder, "token");
        TestServer server = await StartAsync(o => o.TokenFile = file);

        Assert.Equal(OwnersOnly, File.GetUnixFileMode(file));
        Assert.Equal(server.Token, (await File.ReadAllTextAsync(file)).TrimEnd());
        await CallAsync(server, server.Token);
    }

    [Theory]
    [InlineData(OwnersOnly)]
    [InlineData(UnixFileMode.UserRead)]
    [InlineData(UnixFileMode.UserRead | UnixFileMode.GroupRead)]
    public async Task Start_WithTheFile_TakesItsToken(UnixFileMode mode)
    {
        string file = Write(Given + "\n", mode);
        TestServer server = await StartAsync(o => o.TokenFile = file);

        await CallAsync(server, Given);
    }

    [Theory]
    [InlineData(Given, OwnersOnly | UnixFileMode.OtherRead)]
    [InlineData(Given, OwnersOnly | UnixFileMode.GroupWrite)]
    [InlineData(Given, OwnersOnly | UnixFileMode.OtherWrite)]
    [InlineData("", OwnersOnly)]
    [InlineData("too-short", OwnersOnly)]
    [InlineData("two words are no token", OwnersOnly)]
    public async Task Start_WithAFileThatIsNoGood_IsOneSentenceWithoutIt(string text, UnixFileMode mode)
    {
        string file = Write(text, mode);

        StartupException e = await Assert.ThrowsAsync<StartupException>(() => TestServer.StartAsync(o => o.TokenFile = file));

        Assert.Contains(file, e.Message, StringComparison.Ordinal);
        Assert.False(text.Length > 0 && e.Message.Contains(text, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("/proc/cocoguest-token")]
    [InlineData("/dev/null/token")]
    [InlineData("/tmp")]
    public async Task Start_WithAFileThatCannotBe_IsOneSentence(string file) =>
        Assert.Contains(
            file,
            (await Assert.ThrowsAsync<StartupException>(() => TestServer.StartAsync(o => o.TokenFile = file))).Message,
            StringComparison.Ordinal);

    [Fact]
    public async Task Banner_WithTheFile_NamesItAndNotTheToken()
    {
        string file = Write(Given, OwnersOnly);
        TestServer server = await StartAsync(o => o.TokenFile = file);

        string banner = StartupBanner.Text(server.Server);

        Assert.Contains($"token      in {file}", banner, StringComparison.Ordinal);
        Assert.Contains($"Bearer $(cat {file})", banner, StringComparison.Ordinal);
        Assert.DoesNotContain(Given, banner, StringComparison.Ordinal);
    }

    private static async Task CallAsync(TestServer server, string token)
    {
        var host = new HostService.HostServiceClient(server.Tcp());
        await host.CreateGuestAsync(
            new() { Shape = new() { Name = "other", MemoryBytes = 1 << 28 } }, new Metadata { { "authorization", "Bearer " + token } });
    }

    private string Write(string text, UnixFileMode mode)
    {
        string file = Path.Combine(Folder, "token");
        File.WriteAllText(file, text);
        File.SetUnixFileMode(file, mode);
        return file;
    }
}
