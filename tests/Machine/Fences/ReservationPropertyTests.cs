using CocoGuest.Machine.Fences;
using FsCheck;
using FsCheck.Fluent;

namespace CocoGuest.Tests.Machine.Fences;

/// <summary>The reservation against <see cref="NaiveReservation"/>: every query after every step.</summary>
[Statement("S-RESV-01", "S-RESV-03")]
public sealed class ReservationPropertyTests
{
    private const int Contexts = 3;
    private const int Seqnos = 4;
    private const int Usages = 4;
    private const int SignalOneIn = 4;

    private static Arbitrary<int[]> Steps => Gen.Choose(0, int.MaxValue).ArrayOf().Resize(60).ToArbitrary();

    [Fact]
    public void AnySteps_ReservationAndModel_Agree() =>
        Prop.ForAll(Steps, steps => Agree(steps, NaiveReservation.Bug.None)).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData(nameof(NaiveReservation.Bug.UsageIgnored))]
    [InlineData(nameof(NaiveReservation.Bug.SignalledStay))]
    [InlineData(nameof(NaiveReservation.Bug.EarlierReplaces))]
    public void AnySteps_PlantedBug_IsFound(string bug) =>
        Assert.ThrowsAny<Exception>(
            () => Prop.ForAll(Steps, steps => Agree(steps, Enum.Parse<NaiveReservation.Bug>(bug))).QuickCheckThrowOnFailure());

    private static bool Agree(int[] steps, NaiveReservation.Bug bug)
    {
        var reservation = new Reservation();
        var model = new NaiveReservation(bug);
        Fence[] fences = [.. from context in Enumerable.Range(1, Contexts) from seqno in Enumerable.Range(1, Seqnos)
                             select new Fence((ulong)context, (uint)seqno, "d", "t")];
        foreach (int step in steps)
        {
            var random = new Random(step);
            Fence fence = fences[random.Next(fences.Length)];
            if (random.Next(SignalOneIn) == 0)
            {
                fence.Signal(1);
            }
            else
            {
                var usage = (FenceUsage)random.Next(Usages);
                reservation.Reserve(1);
                reservation.Add(fence, usage);
                model.Add(fence, usage);
            }

            if (!Enum.GetValues<FenceUsage>().All(u => reservation.Of(u).SequenceEqual(model.Seen(u))
                && reservation.TestSignalled(u) == model.Seen(u).All(f => f.Signalled)))
            {
                return false;
            }
        }

        return true;
    }
}
