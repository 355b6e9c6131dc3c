using System.Globalization;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Profiles;
using CocoGuest.Tests.Machine.Guests;

namespace CocoGuest.Tests.Machine.Properties.Linearizability;

/// <summary>
/// Calls of several threads at the same time answer as if they came one after another: the guest's lock, and the copies outside it,
/// in words of 8 aligned bytes (longer copies may tear, as a program's and a device's do).
/// </summary>
public sealed class LinearizabilityTests
{
    private const int MostCalls = 5;

    // COCOGUEST_RUNS=50 looks fifty times as long.
    private static readonly int Histories = 4000
        * (int.TryParse(Environment.GetEnvironmentVariable("COCOGUEST_RUNS"), CultureInfo.InvariantCulture, out int factor) ? factor : 1);

    [Theory]
    [Statement("S-SWI-35", "S-BUF-65")]
    [InlineData(Platform.SevSnp, 2)]
    [InlineData(Platform.SevSnp, 3)]
    [InlineData(Platform.Tdx, 2)]
    [InlineData(Platform.Sev, 3)]
    public void AnyHistory_OfSeveralThreads_HasAnOrderThatExplainsIt(Platform platform, int threads)
    {
        using var test = new TestGuest(platform);
        using var workers = new Threads(threads);
        var dice = new Random(threads);
        for (int i = 0; i < Histories; i++)
        {
            var subject = new Subject(test, Text(i));
            workers.Run(Acts(dice, threads), subject.Make).Check();
            Assert.Null(test.Guest.Processes.End(subject.Process));
        }

        Audit.Check(test.Guest);
    }

    [Fact]
    public void Planted_TokenThatIsLookedUpBeforeItIsTaken_IsCaught()
    {
        using var test = new TestGuest();
        using var workers = new Threads(2);
        using var bothLooked = new Barrier(2);
        Subject subject = null!;
        subject = new Subject(test, "planted")
        {
            // Look-up and use in two steps of the lock: both threads find the token.
            ImportInstead = _ =>
            {
                bothLooked.SignalAndWait();
                return Subject.FdOf(test.Guest.Heaps.Allocate(subject.Process, TestGuest.Private, 4096, 2, 0));
            },
        };

        History history = workers.Run([[new Act(ActKind.Import, 0)], [new Act(ActKind.Import, 0)]], subject.Make);

        Assert.Throws<Violation>(history.Check);
    }

    [Fact]
    public void Planted_LoadOfAnOldValue_IsCaught()
    {
        History late = new(
        [
            new Done(0, new Act(ActKind.Store, 7), default, 1, 2),
            new Done(1, new Act(ActKind.Load, 0), default, 3, 4),
        ]);
        History atOnce = new(
        [
            new Done(0, new Act(ActKind.Store, 7), default, 1, 4),
            new Done(1, new Act(ActKind.Load, 0), default, 2, 3),
        ]);

        Assert.Throws<Violation>(late.Check);
        atOnce.Check();
    }

    [Fact]
    public void Planted_SyncThatForgetsToCopy_IsCaught()
    {
        using var test = new TestGuest();
        using var workers = new Threads(2);
        var subject = new Subject(test, "planted");
        Act[][] acts =
        [
            [new Act(ActKind.DmaWrite, 5), new Act(ActKind.SyncBegin, 0), new Act(ActKind.Load, 0)],
            [new Act(ActKind.DmaRead, 0)],
        ];

        History history = workers.Run(acts, act => act.Kind == ActKind.SyncBegin ? Errno.None : subject.Make(act));

        Assert.Throws<Violation>(history.Check);
    }

    private static Act[][] Acts(Random dice, int threads)
    {
        var acts = new List<Act>[threads];
        for (int i = 0; i < threads; i++)
        {
            acts[i] = [];
        }

        for (int i = 0; i < MostCalls; i++)
        {
            acts[i < threads ? i : dice.Next(threads)].Add(
                new Act((ActKind)dice.Next((int)ActKind.Import + 1), (ulong)dice.Next(1, 1 << 30)));
        }

        return Array.ConvertAll(acts, a => a.ToArray());
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
