using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Tests.Machine.Properties;

/// <summary>The same shape, seed and calls give the same answers, memory, log and counters.</summary>
public sealed class DeterminismTests
{
    private const int Steps = 100;

    [Theory]
    [InlineData(Platform.Sev, KernelVersion.V72)]
    [InlineData(Platform.SevSnp, KernelVersion.SeedV1)]
    [InlineData(Platform.Tdx, KernelVersion.V72)]
    [InlineData(Platform.SevEs, KernelVersion.V72)]
    [InlineData(Platform.SevSnpVtom, KernelVersion.V72)]
    [InlineData(Platform.CcaRealm, KernelVersion.V72)]
    [InlineData(Platform.Pkvm, KernelVersion.V73)]
    [InlineData(Platform.S390, KernelVersion.V73)]
    [InlineData(Platform.PowerSvm, KernelVersion.V72)]
    public void AnyRun_OnTwoGuestsOfOneShapeAndSeed_AnswersTheSame(Platform platform, KernelVersion kernel) =>
        Ops.Check(6, Steps, run =>
        {
            using var one = new World(platform, kernel);
            using var two = new World(platform, kernel);
            Same(one.Run(run), two.Run(run));
            Same(Memory(one), Memory(two));
            Same(Census(one), Census(two));
        });

    [Fact]
    [Statement("S-ENC-06", "S-ENC-02")]
    public void OneRun_OnGuestsOfTwoSeeds_DiffersInCipherTextOnly()
    {
        Op[] run = Ops.Of(3, Steps);
        using var one = new World(seed: 1);
        using var two = new World(seed: 2);
        one.Run(run.Where(o => o.Kind != OpKind.HostRead));
        two.Run(run.Where(o => o.Kind != OpKind.HostRead));

        Same(Census(one), Census(two));
        Assert.NotEqual(Memory(one), Memory(two));
    }

    [Fact]
    public void PlantedSeed_ThatDiffersBetweenRuns_IsCaught()
    {
        Op[] run = Ops.Of(3, Steps);
        using var one = new World(Platform.Sev, seed: 1);
        using var two = new World(Platform.Sev, seed: 2);

        Assert.Throws<Violation>(() => Same(one.Run(run), two.Run(run)));
    }

    [Fact]
    public void PlantedMapping_InOneOfTheGuests_IsCaught()
    {
        Op[] run = Ops.Of(3, Steps);
        using var one = new World();
        using var two = new World();
        two.Test.Map(two.Test.Allocate(Guests.TestGuest.Private, 4096));

        Assert.Throws<Violation>(() => Same(Census(one), Census(two)));
        Assert.ThrowsAny<Exception>(() => Same(one.Run(run), two.Run(run)));
    }

    private static void Same(List<string> one, List<string> two)
    {
        for (int i = 0; i < Math.Max(one.Count, two.Count); i++)
        {
            string first = i < one.Count ? one[i] : "nothing";
            string second = i < two.Count ? two[i] : "nothing";
            Violation.Unless(first == second, $"answer {i} differs: '{first}' and '{second}'");
        }
    }

    /// <summary>What the host sees of all memory that was ever a buffer's, and of the pool.</summary>
    private static List<string> Memory(World world)
    {
        var lines = new List<string>();
        foreach (Chunk chunk in world.EverAllocated.OrderBy(c => c.Frame).ThenBy(c => c.Order))
        {
            lines.Add(Seen(world, chunk.Address, (int)chunk.Bytes));
        }

        ulong pool = world.Guest.Memory.Layout.Pool.Address;
        for (ulong at = 0; at < world.Guest.Memory.Layout.Pool.Bytes; at += GuestLimits.BytesPerAccess)
        {
            lines.Add(Seen(world, pool + at, (int)GuestLimits.BytesPerAccess));
        }

        return lines;
    }

    private static string Seen(World world, ulong address, int length)
    {
        byte[] bytes = new byte[length];
        Failure? fault = world.Guest.HostView.Read(address, bytes);
        return $"{address:x}: {fault?.Errno} {Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(bytes))}";
    }

    private static List<string> Census(World world)
    {
        GuestSnapshot snapshot = world.Test.Snapshot();
        return
        [
            snapshot.State,
            snapshot.Memory.ToString(),
            snapshot.Objects.ToString(),
            snapshot.Dma.ToString(),
            snapshot.Conversions.ToString()!,
            snapshot.Copies.ToString()!,
            .. snapshot.KernelLog,
            .. world.Sentences,
            .. world.Guest.HostView.PageStates(0, 0, int.MaxValue).Value.Select(r => r.ToString()),
        ];
    }
}
