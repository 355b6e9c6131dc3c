using System.Globalization;
using System.Text.RegularExpressions;
using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Profiles;
using CocoGuest.Tests.Machine.Guests;

namespace CocoGuest.Tests.Machine.Properties;

/// <summary>Whatever a client sends, it gets an errno that blames the right argument, and nothing has changed.</summary>
public sealed partial class HostileTests
{
    private const int LongestSentence = 400;

    // Errnos of limits and lacks, where no argument is at fault.
    private static readonly Errno[] Blameless = [Errno.EMFILE, Errno.ENOSPC, Errno.EAGAIN, Errno.EIO, Errno.ENOMEM];

    private static readonly string[] Sizes =
        [
            "", "0", "1", "64M", "63", "-1", "1,2", "4294967295", "4294967296", "2147483649", "99999999999999999999", "force",
            "noforce", "x", "512,4096", ",0", "64,0,force",
        ];

    [Theory]
    [InlineData(Platform.Sev)]
    [InlineData(Platform.SevSnp)]
    [InlineData(Platform.Tdx)]
    [InlineData(Platform.CcaRealm)]
    public void AnyCall_WithHostileArguments_FailsByValueAndChangesNothing(Platform platform) =>
        Ops.CheckNumbers(8, 250, numbers =>
        {
            using var world = new World(platform);
            using var other = new World(platform);
            world.Run(Ops.Of(5, 60));
            other.Run(Ops.Of(5, 60));
            var hostile = new Hostile(world, other);
            string elsewhere = State(other);
            string before = State(world);
            foreach (int number in numbers)
            {
                (string name, Failure? failure) = hostile.Call(number);
                string after = State(world);
                if (failure is not null)
                {
                    CheckFailure(name, failure);
                    Violation.Unless(
                        after == before || failure.Errno == Errno.EIO,
                        $"{name} failed with {failure} but changed the guest:\n{before}\n{after}");
                }

                Violation.Unless(State(other) == elsewhere, $"{name} changed another guest ({failure})");
                before = after;
            }
        });

    [Fact]
    public void AnyCall_WithAProcessOfAnotherGuest_FailsWithEnoent()
    {
        using var test = new TestGuest();
        using var other = new TestGuest();
        int fd = other.Allocate(TestGuest.Shared, 4096);

        Failure failure = test.Guest.Buffers.Release(other.Init, fd)!;

        Assert.Equal((Errno.ENOENT, "process"), (failure.Errno, failure.Field));
        Assert.Equal(1, other.Snapshot().Objects.Fds);
    }

    [Fact]
    public void AnyShape_FromAHostileClient_IsRefusedByValueOrBoots()
    {
        int booted = 0;
        Ops.CheckNumbers(20, 15, numbers =>
        {
            using var host = new GuestRegistry(new FakeTimeProvider(), new SeededSecrets(1));
            foreach (int number in numbers)
            {
                GuestShape shape = Shape(new Random(number));
                Result<Guest> guest = host.Create(shape);
                if (guest.Ok)
                {
                    booted++;
                    MemoryCensus memory = guest.Value.Snapshot().Memory;
                    Violation.Unless(memory.Free + memory.Reserved == memory.Total, $"{shape}: {memory}");
                    Assert.Null(host.Destroy(shape.Name));
                }
                else
                {
                    CheckFailure("create", guest.Failure);
                }
            }
        });
        Assert.NotEqual(0, booted);
    }

    [Fact]
    public void PlantedFailure_WithoutAField_IsCaught() =>
        Assert.Throws<Violation>(() => CheckFailure("planted", new Failure(Errno.EINVAL, "planted", "planted", "A sentence.")));

    [Fact]
    public void PlantedChange_OfOneCounter_IsSeen()
    {
        using var world = new World();
        string before = State(world);
        world.Guest.Copies.AddSharedBuffer(1);

        Assert.NotEqual(before, State(world));
    }

    private static GuestShape Shape(Random dice) => new()
    {
        Name = dice.Next(6) == 0 ? new string('x', dice.Next(0, 70)) : "g",
        Platform = (Platform)dice.Next(12),
        Kernel = (KernelVersion)dice.Next(6),
        MemoryBytes = dice.Next(6) == 0 ? (ulong)dice.NextInt64() : (ulong)dice.Next(60, 400) << 20,
        Cpus = dice.Next(4) == 0 ? (uint)dice.Next() : (uint)dice.Next(5),
        Swiotlb = Sizes[dice.Next(Sizes.Length)],
        Cma = dice.Next(3) == 0 ? Sizes[dice.Next(Sizes.Length)] : "",
        CBitPosition = dice.Next(4) == 0 ? (uint)dice.Next(70) : 0,
        GpaWidth = dice.Next(4) == 0 ? (uint)dice.Next(64) : 0,
        Heaps = dice.Next(3) == 0 ? [Sizes[dice.Next(Sizes.Length)], "system"] : [],
    };

    private static void CheckFailure(string name, Failure failure)
    {
        Violation.Unless(failure.Errno != Errno.None, $"{name}: no errno in {failure}");
        bool blames = failure.Field is not null && FieldName().IsMatch(failure.Field);
        Violation.Unless(blames || (failure.Field is null && Blameless.Contains(failure.Errno)),
            $"{name}: field '{failure.Field}' of {failure}");
        bool readable = failure.Sentence.Length is > 0 and < LongestSentence && failure.Sentence.EndsWith('.');
        Violation.Unless(readable, $"{name}: sentence of {failure.Sentence.Length} characters: {failure.Sentence}");
    }

    private static string State(World world)
    {
        GuestSnapshot s = world.Test.Snapshot();
        return string.Create(CultureInfo.InvariantCulture,
            $"{s.State} {s.Memory} {s.Objects} {s.Dma.Mapped} {s.Dma.DefaultPool} {s.Conversions} {s.Copies} {s.KernelLog.Count}");
    }

    [GeneratedRegex("^[a-z][a-z_]*$")]
    private static partial Regex FieldName();
}
