using System.Globalization;
using CocoGuest.Machine;
using CocoGuest.Tests.Service.Hosting;
using CocoGuest.V1;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Routing;

namespace CocoGuest.Tests.Service.Fuzz;

/// <summary>
/// Random and hostile bytes to every method of every service, found by descriptor, through a real server: no call ends with UNKNOWN or
/// INTERNAL, nothing is logged from warnings up, every call ends, and memory and fds are what they were once everything is let go.
/// COCOGUEST_FUZZ=1000000 sends that many messages; COCOGUEST_FUZZ_SEED=1 other ones.
/// </summary>
public sealed class WireFuzzTests(ITestOutputHelper output) : ServerTest
{
    private const int Clients = 4;
    private const int Warmup = 6_000;
    private const int Round = 8_000;
    private const int MostExtraRounds = 5;
    private const int SeedStep = 100_000;

    // Methods that no request of the fuzz can make succeed, why, and how they refuse instead.
    private static readonly Dictionary<string, (string Reason, StatusCode[] Refusals)> Exceptions = new(StringComparer.Ordinal)
    {
        ["/cocoguest.v1.RunService/Supervise"] = (
            "It takes the listener of a seccomp filter out of the process that calls, and there is none in this one.",
            [StatusCode.InvalidArgument, StatusCode.PermissionDenied, StatusCode.NotFound]),
    };

    private readonly GrpcChannel?[] _channels = new GrpcChannel?[Clients];

    // What grows is the runtime's shared array pool, which is filled slowly and trimmed at times: measured were at most 30 MiB up to 64,000
    // messages and 42 to 79 MiB, up and down, from 400,000 to 1,000,000. With the pool capped (DOTNET_SYSTEM_BUFFERS_SHAREDARRAYPOOL_
    // MAXPARTITIONCOUNT=1 and ..._MAXARRAYSPERPARTITION=1) it was 14 to 25 MiB from 32,000 to 352,000, so long runs look sharper that way.
    internal const long MostGrowthOfShortRuns = 48L << 20;

    private static long MostGrowth => Messages <= 50_000 ? MostGrowthOfShortRuns : 128L << 20;

    private static readonly int Messages =
        int.TryParse(Environment.GetEnvironmentVariable("COCOGUEST_FUZZ"), CultureInfo.InvariantCulture, out int messages)
            ? messages
            : 32_000;

    private static readonly int Seed =
        int.TryParse(Environment.GetEnvironmentVariable("COCOGUEST_FUZZ_SEED"), CultureInfo.InvariantCulture, out int seed)
            ? seed * SeedStep
            : 0;

    private readonly HashSet<(string Method, StatusCode Code)> _refusals = [];

    private IReadOnlyList<FuzzMethod> Methods => FuzzMethod.AllOf(Host.Part<EndpointDataSource>());

    internal override void Configure(CocoGuest.Service.Options.ServerOptions options) =>
        options.DefaultShape = new CocoGuest.Machine.Profiles.GuestShape { MemoryBytes = 96UL << 20, Swiotlb = "2048", Seed = 1 };

    [Fact]
    public async Task AnyMethod_WithAnyBytes_EndsInOrderAndKeepsNothing()
    {
        var seen = new Dictionary<string, (int Calls, int Succeeded)>(StringComparer.Ordinal);
        await LetGoAsync();
        await RoundAsync(Warmup, Seed + 1, seen);
        await LetGoAsync();
        var bounds = new FuzzBounds(MostGrowth);
        for (int done = 0, seed = Seed + 100; done < Messages; done += Round, seed += Clients)
        {
            await RoundAsync(Math.Min(Round, Messages - done), seed, seen);
            await LetGoAsync();
            _ = bounds.Broken();
            output.WriteLine($"{done + Round} messages: {bounds.Seen}");
        }

        // Chains of calls that build on each other come by luck; some more luck is to be had.
        for (int more = 0, seed = Seed + 9_000; more < MostExtraRounds && NeverSucceeded(seen).Length != 0; more++, seed += Clients)
        {
            await RoundAsync(Round, seed, seen);
            await LetGoAsync();
        }

        string? broken = bounds.Broken();
        output.WriteLine($"{seen.Values.Sum(s => s.Calls)} messages; {bounds.Seen}");
        foreach ((string method, (int calls, int succeeded)) in seen.OrderBy(s => s.Key, StringComparer.Ordinal))
        {
            output.WriteLine($"{method}: {calls}, {succeeded} succeeded");
        }

        Assert.Null(broken);
        Assert.Equal(Methods.Select(m => m.Raw.FullName), seen.Keys.Order(StringComparer.Ordinal));

        // Fuzz that never gets past the checks tests only them.
        Assert.Empty(NeverSucceeded(seen));
        foreach ((string method, (string reason, StatusCode[] refusals)) in Exceptions)
        {
            Assert.True(seen[method].Succeeded == 0, $"{method} succeeded, so this is not so: {reason}");
            Assert.Empty(_refusals.Where(r => r.Method == method).Select(r => r.Code).Except(refusals));
        }
    }

    [Fact]
    public void Leads_OfTheTable_NameMethodsOfTheServer() => Assert.Empty(Strangers(FuzzLeads.Names));

    [Fact]
    public void Planted_LeadOfNoMethod_IsFound() => Assert.Equal(["PinUserPagez"], Strangers(FuzzLeads.Names.Append("PinUserPagez")));

    [Fact]
    public void Planted_MethodThatNeverSucceeds_IsFound() => Assert.Equal(
        ["/cocoguest.v1.FileService/Ioctl"],
        NeverSucceeded(new()
        {
            ["/cocoguest.v1.FileService/Ioctl"] = (100, 0),
            ["/cocoguest.v1.RunService/Supervise"] = (100, 0),
            ["/a.B/C"] = (100, 1),
        }));

    private IEnumerable<string> Strangers(IEnumerable<string> names) => names.Except(Methods.Select(m => m.Name));

    private static string[] NeverSucceeded(Dictionary<string, (int Calls, int Succeeded)> seen) =>
        [.. seen.Where(s => s.Value.Succeeded == 0 && !Exceptions.ContainsKey(s.Key)).Select(s => s.Key).Order(StringComparer.Ordinal)];

    private async Task RoundAsync(int messages, int seed, Dictionary<string, (int Calls, int Succeeded)> seen)
    {
        IReadOnlyList<FuzzMethod> methods = Methods;
        var known = seen.ToDictionary(s => s.Key, s => s.Value.Succeeded, StringComparer.Ordinal);
        foreach (string method in Exceptions.Keys)
        {
            known[method] = int.MaxValue / 2;
        }

        FuzzClient[] clients =
        [
            .. Enumerable.Range(0, Clients).Select(i =>
                new FuzzClient(ChannelOf(i).CreateCallInvoker(), methods, seed + i, MakeDefaultAsync) { Succeeded = known }),
        ];
        await Task.WhenAll(clients.Select(c => Task.Run(() => c.RunAsync(messages / Clients))));
        foreach ((string method, (int calls, int succeeded)) in clients.SelectMany(c => c.Seen))
        {
            (int before, int good) = seen.GetValueOrDefault(method);
            seen[method] = (before + calls, good + succeeded);
        }

        _refusals.UnionWith(clients.SelectMany(c => c.Refusals));
        string[] findings = [.. clients.SelectMany(c => c.Findings), .. Host.Logs.Unexpected.Take(5)];
        Assert.True(findings.Length == 0, string.Join('\n', findings));
    }

    // All guests go, and with them what anybody holds; then the default one comes again.
    private async Task LetGoAsync()
    {
        var host = new HostService.HostServiceClient(ChannelOf(0));
        Eventually(() =>
        {
            Host.Time.Advance(TimeSpan.FromMinutes(1));
            return Orphans() == 0;
        });
        foreach (GuestInfo guest in (await host.ListGuestsAsync(new ListGuestsRequest())).Guests)
        {
            await host.DestroyGuestAsync(new DestroyGuestRequest { Guest = guest.Shape.Name });
        }

        await MakeDefaultAsync(ended: false);
        foreach (string platform in FuzzMessages.Platforms)
        {
            await host.CreateGuestAsync(new CreateGuestRequest { Shape = ShapeOf(platform, platform) });
        }
    }

    // Processes whose streams are gone, but for each guest's init. Those of a guest that terminated stay as they are, like its memory.
    private int Orphans() => Host.Part<GuestRegistry>().List()
        .Where(g => g.Core.Gate.Begin() is null)
        .Sum(g => g.Snapshot().Objects.Processes - 1);

    private static V1.GuestShape ShapeOf(string name, string platform) =>
        new() { Name = name, Platform = platform, Kernel = "7.2", MemoryBytes = 96UL << 20, Swiotlb = "2048" };

    private GrpcChannel ChannelOf(int client) => _channels[client] ??= Host.Unix();

    private async Task MakeDefaultAsync(bool ended)
    {
        var host = new HostService.HostServiceClient(ChannelOf(0));
        try
        {
            if (ended)
            {
                await host.DestroyGuestAsync(new DestroyGuestRequest { Guest = "default" });
            }

            await host.CreateGuestAsync(new CreateGuestRequest { Shape = ShapeOf("default", "snp") });
        }
        catch (RpcException e) when (e.StatusCode is StatusCode.AlreadyExists or StatusCode.NotFound)
        {
            // It was another one that was destroyed, or another client was faster.
        }
    }
}
