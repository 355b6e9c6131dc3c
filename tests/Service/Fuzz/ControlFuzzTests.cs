using System.Globalization;
using System.Net.Sockets;
using CocoGuest.Machine;
using CocoGuest.Machine.Profiles;
using CocoGuest.Service.Control;
using CocoGuest.Tests.Service.Control;
using CocoGuest.Tests.Service.Hosting;

namespace CocoGuest.Tests.Service.Fuzz;

/// <summary>
/// Random and hostile bytes to every operation of the control protocol: each request has its answer, a malformed one is the last of its
/// connection, and nothing stays behind. COCOGUEST_FUZZ=1000000 sends that many requests.
/// </summary>
public sealed class ControlFuzzTests(ITestOutputHelper output) : ServerTest
{
    private const int Clients = 3;
    private const int Malformed = 302;
    private const long MostGrowth = 32L << 20;

    private static readonly int Requests =
        int.TryParse(Environment.GetEnvironmentVariable("COCOGUEST_FUZZ"), CultureInfo.InvariantCulture, out int requests)
            ? requests
            : 20_000;

    internal override void Configure(CocoGuest.Service.Options.ServerOptions options) =>
        options.DefaultShape = new GuestShape { MemoryBytes = 96UL << 20, Swiotlb = "2048", Seed = 1 };

    [Fact]
    public async Task AnyOperation_WithAnyBytes_IsAnsweredAndKeepsNothing()
    {
        Host.Logs.Expected.Add(Malformed);
        var succeeded = new Dictionary<int, int>();
        await RoundAsync(Requests / 4, 1, succeeded);
        ObjectCensus nothing = Objects;
        long heap = GC.GetTotalMemory(forceFullCollection: true);
        await RoundAsync(Requests, 100, succeeded);
        long grown = GC.GetTotalMemory(forceFullCollection: true) - heap;
        output.WriteLine(string.Join(", ", succeeded.OrderBy(s => s.Key).Select(s => $"{s.Key}: {s.Value}")));
        output.WriteLine($"{Requests * 5 / 4} requests; heap {grown:+#;-#;0} bytes");
        Assert.Equal(nothing, Objects);
        Assert.True(grown < MostGrowth, $"The heap grew by {grown} bytes.");

        // Fuzz that never gets past the first check tests only that check; a token cannot be guessed.
        Assert.Equal([(int)ControlOperation.ImportBuffer], ControlTable.Rows.Keys.Select(o => (int)o).Except(succeeded.Keys));
    }

    [Fact]
    public async Task Planted_ServerThatAnswersAnotherRequest_IsFound()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("coco-fuzz-");
        string path = Path.Combine(folder.FullName, "wrong.sock");
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen();
        Task serving = AnswerWronglyAsync(listener);
        using (var client = new ControlFuzzClient(path, 1))
        {
            await Task.Run(() => client.Run(5));
            Assert.Contains(client.Findings, f => f.Contains("with id 0,", StringComparison.Ordinal));
        }

        listener.Dispose();
        await serving;
        folder.Delete(recursive: true);
    }

    private ObjectCensus Objects => Host.Part<GuestRegistry>().Find("").Value.Snapshot().Objects;

    // Share tokens outlive their makers; a minute later they are gone as well.
    private async Task RoundAsync(int requests, int seed, Dictionary<int, int> succeeded)
    {
        ControlFuzzClient[] clients =
            [.. Enumerable.Range(0, Clients).Select(i => new ControlFuzzClient(Host.Server.BrokerPath, seed + i))];
        await Task.WhenAll(clients.Select(c => Task.Run(() => c.Run(requests / Clients))));
        foreach (ControlFuzzClient client in clients)
        {
            client.Dispose();
            foreach ((int operation, int times) in client.Succeeded)
            {
                succeeded[operation] = succeeded.GetValueOrDefault(operation) + times;
            }
        }

        string[] findings = [.. clients.SelectMany(c => c.Findings), .. Host.Logs.Unexpected.Take(5)];
        Assert.True(findings.Length == 0, string.Join('\n', findings));
        Eventually(() =>
        {
            Host.Time.Advance(TimeSpan.FromHours(24));
            return Objects is { Processes: 1, Buffers: 0, ShareTokens: 0 };
        });
    }

    private static async Task AnswerWronglyAsync(Socket listener)
    {
        byte[] request = new byte[70_000];
        while (true)
        {
            try
            {
                using Socket client = await listener.AcceptAsync();
                while (await client.ReceiveAsync(request) > 0)
                {
                    // Whatever was asked: the answer to request 0.
                    await client.SendAsync(ControlClient.Request(1, 0, 0ul, 0ul));
                }
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                if (e is ObjectDisposedException or SocketException { SocketErrorCode: SocketError.OperationAborted })
                {
                    return;
                }
            }
        }
    }
}
