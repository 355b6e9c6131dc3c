using System.Diagnostics;
using CocoGuest.Machine;
using CocoGuest.Machine.Profiles;
using CocoGuest.Tests.Machine.Guests;

namespace CocoGuest.Tests.Machine.Properties.Simulation;

/// <summary>
/// One core's run: guest after guest of random shapes, each for a while (<see cref="Episode"/>). The same options, seed and number of
/// operations give the same digest.
/// </summary>
internal sealed class Simulator
{
    private const ulong OperationsPerGuest = 40_000;
    private const ulong OperationsBetweenLooks = 512;
    private readonly SimulationOptions _options;
    private readonly ulong _seed;
    private readonly Dice _dice;
    private readonly (Platform Platform, KernelVersion Kernel)[] _kinds;
    private Digest _digest = new();
    private Episode? _episode;

    /// <param name="options">Options.</param>
    /// <param name="seed">Seed of this core.</param>
    public Simulator(SimulationOptions options, ulong seed)
    {
        _options = options;
        _seed = seed;
        _dice = new Dice(seed);
        _kinds =
        [
            .. from p in PlatformProfile.All
               from k in KernelProfile.All
               where (options.Platform ?? p.Platform) == p.Platform
                   && (options.Kernel ?? k.Version) == k.Version
                   && Boots(p.Platform, k.Version)
               select (p.Platform, k.Version),
        ];
    }

    /// <summary>Called with each new episode, for tests that plant bugs.</summary>
    public Action<Guest>? Booted { get; init; }

    /// <summary>Runs until the time is over or the operations are done.</summary>
    public SimulationResult Run()
    {
        if (_kinds.Length == 0)
        {
            return new SimulationResult(_seed, 0, TimeSpan.Zero, 0, 0, ["No guest of this platform and kernel boots."]);
        }

        var watch = Stopwatch.StartNew();
        ulong done = 0;
        int guests = 0;
        while (!Over(done, watch))
        {
            guests++;
            (Platform platform, KernelVersion kernel) = _kinds[_dice.Below(_kinds.Length)];
            bool faulty = _dice.OneIn(4);
            try
            {
                RunGuest(platform, kernel, faulty, ref done, watch);
            }
#pragma warning disable CA1031 // Whatever a call throws is what this program looks for.
            catch (Exception e)
#pragma warning restore CA1031
            {
                string what = e is Violation ? e.Message : e.ToString();
                return new SimulationResult(_seed, done, watch.Elapsed, _digest.Value, guests,
                    [$"{platform} {kernel}{(faulty ? " with faults" : "")}, guest {guests}, operation {done} ({_episode?.Last}): {what}"]);
            }
        }

        return new SimulationResult(_seed, done, watch.Elapsed, _digest.Value, guests, []);
    }

    private static bool Boots(Platform platform, KernelVersion kernel)
    {
        using var host = new GuestRegistry(new FakeTimeProvider(), new SeededSecrets(1));
        return host.Create(new GuestShape { Platform = platform, Kernel = kernel, MemoryBytes = 64UL << 20, Swiotlb = "2048" }).Ok;
    }

    private void RunGuest(Platform platform, KernelVersion kernel, bool faulty, ref ulong done, Stopwatch watch)
    {
        uint cpus = 1 + (uint)_dice.Below(4);
        ulong seed = _dice.Bits();
        FragmentationPolicy fragmentation = _dice.OneIn(3)
            ? new FragmentationPolicy(1 + (ulong)_dice.Below(20), 1 + (ulong)_dice.Below(200))
            : FragmentationPolicy.Default;
        string cma = _dice.OneIn(3) ? "4M" : "";
        using var episode = new Episode(
            new TestGuest(platform, kernel, s => s with
            {
                MemoryBytes = 64UL << 20,
                Cpus = cpus,
                Swiotlb = "2048",
                Seed = seed,
                Fragmentation = fragmentation,
                Cma = cma,
            }),
            _dice, faulty, _digest);
        Booted?.Invoke(episode.Guest);
        _episode = episode;
        for (ulong step = 1; step <= OperationsPerGuest && !episode.Ended && !(Looks(step) && Over(done, watch)); step++)
        {
            episode.Step();
            done++;
            if (step % _options.Sample == 0)
            {
                episode.Check();
            }
        }

        episode.Finish();
        _digest = episode.Digest;
    }

    private bool Over(ulong done, Stopwatch watch) =>
        _options.Operations != 0 ? done >= _options.Operations : watch.Elapsed.TotalSeconds >= _options.Seconds;

    // A look at the clock costs as much as some operations do.
    private bool Looks(ulong step) => _options.Operations != 0 || step % OperationsBetweenLooks == 1;
}
