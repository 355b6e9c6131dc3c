using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;
using CocoGuest.Tests.Machine.Guests;

namespace CocoGuest.Tests.Machine.Properties;

/// <summary>
/// The fail_nth sweep: an operation runs with its n-th internal allocation or conversion failing, n = 1, 2, … until it gets through
/// without a hit. Each time it failed, the state afterwards has to be the state before, leaks apart. Leaks and guests that ended are
/// counted: whether a rule demands them, the caller knows.
/// </summary>
internal static class FaultSweep
{
    private const uint MostPoints = 5000;

    /// <summary>Sweeps one operation; throws <see cref="Violation"/>.</summary>
    /// <param name="make">A guest, the same each time.</param>
    /// <param name="prepare">What comes before the operation, in init.</param>
    /// <param name="operation">The operation: its failure, or null.</param>
    public static SweepResult Run(
        Func<TestGuest> make, Action<TestGuest> prepare, Func<Guest, GuestProcess, Failure?> operation)
    {
        int failed = 0;
        int ended = 0;
        ulong leaked = 0;
        for (uint n = 1; n < MostPoints; n++)
        {
            using TestGuest test = make();
            prepare(test);
            IReadOnlyList<string> before = StateDump.Of(test.Guest);
            ulong leakedBefore = test.Guest.SystemHeap.LeakedBytes;
            Assert.Null(test.Guest.Faults.SetFailNth(test.Init, n));
            Failure? failure = operation(test.Guest, test.Init);
            if (test.Guest.Core.Gate.Begin() is not null)
            {
                ended++;
                continue;
            }

            bool hit = test.Guest.Faults.FailNthOf(test.Init).Left == 0;
            Assert.Null(test.Guest.Faults.SetFailNth(test.Init, 0));
            if (!hit)
            {
                Violation.Unless(failure is null, $"fails without a fault: {failure}");
                return new SweepResult(n - 1, failed, ended, leaked);
            }

            if (failure is not null)
            {
                failed++;
                leaked += test.Guest.SystemHeap.LeakedBytes - leakedBefore;
                Same(n, failure, before, StateDump.Of(test.Guest));
                Audit.Check(test.Guest, faulty: true);
            }
        }

        throw new Violation($"It passes more than {MostPoints} fault points.");
    }

    private static void Same(uint n, Failure failure, IReadOnlyList<string> before, IReadOnlyList<string> after)
    {
        string[] gone = [.. before.Except(after).Take(5)];
        string[] come = [.. after.Except(before).Take(5)];
        Violation.Unless(
            gone.Length == 0 && come.Length == 0 && before.Count == after.Count,
            $"fault {n} ({failure}) changed the state.\nGone: {string.Join("\n  ", gone)}\nCome: {string.Join("\n  ", come)}");
    }
}
