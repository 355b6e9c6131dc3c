using CocoGuest.Supervisor.Files;
using CocoGuest.Supervisor.Target;

namespace CocoGuest.Tests.Clients.Supervisor;

/// <summary>What is remembered of numbers is forgotten in time.</summary>
public class KnownNumbersTests
{
    private const int Pid = 10;
    private const int Other = 20;
    private const int Tid = 11;
    private const int Fd = 5000;
    private static readonly EmulatedFile File = new(new FileIdentity(1, 2), null, new Origin(Pid, "test", "open", ""));

    [Fact]
    public void Find_Remembered_IsTheFileOfThatProcessOnly()
    {
        KnownNumbers numbers = Remembering(Pid);

        Assert.Same(File, numbers.Find(Pid, Fd));
        Assert.Null(numbers.Find(Other, Fd));
        Assert.Null(numbers.Find(Pid, Fd + 1));
    }

    [Theory]
    [InlineData(Fd, Fd)]
    [InlineData(0, uint.MaxValue)]
    [InlineData(Fd - 1, Fd + 1)]
    public void Changing_RangeWithTheNumber_ForgetsItInEveryProcess(uint first, uint last)
    {
        KnownNumbers numbers = Remembering(Pid, Other);

        numbers.Changing(Tid, first, last);

        Assert.Null(numbers.Find(Pid, Fd));
        Assert.Null(numbers.Find(Other, Fd));
    }

    [Theory]
    [InlineData(0, Fd - 1)]
    [InlineData(Fd + 1, uint.MaxValue)]
    public void Changing_RangeBesideTheNumber_KeepsIt(uint first, uint last)
    {
        KnownNumbers numbers = Remembering(Pid);

        numbers.Changing(Tid, first, last);

        Assert.Same(File, numbers.Find(Pid, Fd));
    }

    [Fact]
    public void Remember_WhileAThreadClosesTheNumber_IsNotKept()
    {
        var numbers = new KnownNumbers(static tid => tid != Tid);
        numbers.Changing(Tid, Fd, Fd);

        numbers.Remember(Pid, Fd, File);
        Assert.Null(numbers.Find(Pid, Fd));

        numbers.Settle(Tid + 1);
        numbers.Remember(Pid, Fd, File);
        Assert.Null(numbers.Find(Pid, Fd));
    }

    [Fact]
    public void Remember_AfterTheClosingThreadWasHeardOf_IsKept()
    {
        var numbers = new KnownNumbers(static tid => tid != Tid);
        numbers.Changing(Tid, Fd, Fd);

        numbers.Settle(Tid);
        numbers.Remember(Pid, Fd, File);

        Assert.Same(File, numbers.Find(Pid, Fd));
    }

    [Fact]
    public void ForgetProcess_ForgetsItsNumbersAndThreadsThatAreGone()
    {
        KnownNumbers numbers = Remembering(Pid, Other);
        numbers.Changing(Tid, Fd + 1, Fd + 1);
        numbers.Changing(Tid + 1, Fd + 2, Fd + 2);

        numbers.ForgetProcess(Pid);
        numbers.Remember(Other, Fd + 1, File);
        numbers.Remember(Other, Fd + 2, File);

        Assert.Null(numbers.Find(Pid, Fd));
        Assert.Same(File, numbers.Find(Other, Fd));
        Assert.Same(File, numbers.Find(Other, Fd + 1));
        Assert.Null(numbers.Find(Other, Fd + 2));
    }

    [Fact]
    public void Changing_ByManyThreads_DropsThoseThatAreGone()
    {
        var numbers = new KnownNumbers(static tid => tid != Tid);
        numbers.Changing(Tid, Fd, Fd);
        for (int other = 1; other <= 256; other++)
        {
            numbers.Changing(Tid + other, 0, 0);
        }

        numbers.Remember(Pid, Fd, File);

        Assert.Same(File, numbers.Find(Pid, Fd));
    }

    [Fact]
    public void Forget_File_IsForgottenEverywhere()
    {
        KnownNumbers numbers = Remembering(Pid, Other);

        numbers.Forget(File);

        Assert.Null(numbers.Find(Pid, Fd));
        Assert.Null(numbers.Find(Other, Fd));
    }

    [Fact]
    public void Stop_ForgetsAndRemembersNoMore()
    {
        KnownNumbers numbers = Remembering(Pid);

        numbers.Stop();
        Assert.Null(numbers.Find(Pid, Fd));

        numbers.Remember(Pid, Fd, File);
        Assert.Null(numbers.Find(Pid, Fd));
    }

    private static KnownNumbers Remembering(params int[] pids)
    {
        var numbers = new KnownNumbers(static tid => tid != Tid);
        foreach (int pid in pids)
        {
            numbers.Remember(pid, Fd, File);
        }

        return numbers;
    }
}
