using CocoGuest.Supervisor.Seccomp;
using FsCheck;
using FsCheck.Fluent;

namespace CocoGuest.Tests.Clients.Supervisor;

/// <summary>
/// The compiled filter decides as the table of rules says: for every call number and for arguments around everything that the table
/// knows, by an interpreter that shares nothing with the compiler.
/// </summary>
public class FilterProgramTests
{
    private const int Floor = 3072;
    private const uint LastNumber = 500;
    private const uint X32 = 0x40000000;

    private static readonly ulong[] Fds =
    [
        0, 1, Floor - 1, Floor, Floor + 1, 1 << 20, int.MaxValue, 0xffffffff, unchecked((ulong)-100), unchecked((ulong)-1),
        (1UL << 32) + 3,
    ];

    private static readonly ulong[] Commands =
    [
        0, 1, 8, 9, 100, 101, 0x20, 0x21, 0x5401, 0xc0184800, 0x40086200, 0xc0083e04, 0x40187542, 0xc0205702, 0xc010642d, 0x400, 0x00480000,
    ];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Compile_EveryNumberAndArguments_DecidesAsTheRules(bool strict) =>
        Assert.Null(FirstDisagreement(FilterProgram.Compile(FilterRules.For(strict), Floor), strict));

    [Fact]
    public void Compile_RandomArguments_DecidesAsTheRules()
    {
        FilterMachine[] machines =
        [
            .. new[] { false, true }.Select(strict => new FilterMachine(FilterProgram.Compile(FilterRules.For(strict), Floor))),
        ];
        Gen<ulong> argument = Gen.OneOf(
            Gen.Elements([.. Fds, .. Commands]),
            Gen.Choose(int.MinValue, int.MaxValue).Select(n => unchecked((ulong)n)),
            Gen.Choose(Floor - 2, Floor + 2).Select(n => (ulong)(uint)n | (1UL << 40)));
        Gen<(uint Number, int Strict, ulong[] Arguments)> calls =
            from number in Gen.Choose(0, (int)LastNumber)
            from strict in Gen.Elements(0, 1)
            from arguments in argument.ArrayOf(6)
            select (Number: (uint)number, Strict: strict, Arguments: arguments);
        Prop.ForAll(calls.ToArbitrary(), call =>
            machines[call.Strict].Run(call.Number, call.Arguments).Action == Expected(call.Number, call.Arguments, call.Strict == 1))
            .Check(Config.QuickThrowOnFailure.WithMaxTest(20_000));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Compile_OneConditionTurnedRound_IsSeenByTheCheckAbove(bool strict)
    {
        FilterProgram.Instruction[] right = FilterProgram.Compile(FilterRules.For(strict), Floor);
        int[] conditions = [.. Enumerable.Range(0, right.Length).Where(i => right[i].IfTrue != right[i].IfFalse)];

        int[] missed = [.. conditions.Where(i =>
        {
            FilterProgram.Instruction[] wrong = [.. right];
            wrong[i] = new(right[i].Code, right[i].Value, right[i].IfFalse, right[i].IfTrue);
            return FirstDisagreement(wrong, strict) is null;
        })];

        Assert.NotEmpty(conditions);
        Assert.Empty(missed);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Compile_CallThatNoRuleNames_IsAllowedByItsNumberAlone(bool strict)
    {
        var machine = new FilterMachine(FilterProgram.Compile(FilterRules.For(strict), Floor));
        IEnumerable<uint> unnamed = Numbers().Except(FilterRules.For(strict).Select(r => (uint)r.Call));

        Assert.All(unnamed, number => Assert.Equal(new FilterVerdict(FilterVerdict.Allow, false), machine.Run(number, new ulong[6])));
    }

    [Fact]
    public void Compile_AnotherArchitecture_IsStoppedToBeRefused()
    {
        const uint i386 = 0x40000003;
        var machine = new FilterMachine(FilterProgram.Compile(FilterRules.For(strict: false), Floor));

        Assert.All(Numbers(), number => Assert.Equal(FilterVerdict.Notify, machine.Run(number, new ulong[6], i386).Action));
    }

    [Fact]
    public void Compile_X32Number_HasNoSuchCall()
    {
        var machine = new FilterMachine(FilterProgram.Compile(FilterRules.For(strict: false), Floor));

        Assert.All(Numbers(), number => Assert.Equal(FilterVerdict.NoSuchCall, machine.Run(number | X32, new ulong[6]).Action));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void For_EitherTable_NamesNoCallTwice(bool strict) =>
        Assert.Equal(FilterRules.For(strict).Count, FilterRules.For(strict).Select(r => r.Call).Distinct().Count());

    [Fact]
    public void For_Strict_StopsWhateverTheOtherTableStops()
    {
        // Arguments with which each rule of the common table stops its call.
        ulong[] ours = [Floor, 0xc0184800, Floor, 0, Floor, 0];
        Assert.All(
            FilterRules.For(strict: false).Where(r => Expected((uint)r.Call, ours, strict: false) == FilterVerdict.Notify),
            rule => Assert.Equal(FilterVerdict.Notify, Expected((uint)rule.Call, ours, strict: true)));
    }

    // A signal that comes before the supervisor has a call ends it with EINTR, which the kernel never says of these.
    [Theory]
    [InlineData(3)] // close
    [InlineData(33)] // dup2
    [InlineData(292)] // dup3
    [InlineData(436)] // close_range
    [InlineData(59)] // execve
    [InlineData(322)] // execveat
    [InlineData(272)] // unshare
    [InlineData(56)] // clone
    [InlineData(60)] // exit
    [InlineData(11)] // munmap
    public void For_CallThatIsNeverInterrupted_IsNeverStopped(int number)
    {
        Assert.DoesNotContain(FilterRules.For(strict: false), r => (int)r.Call == number);
        Assert.DoesNotContain(FilterRules.For(strict: true), r => (int)r.Call == number);
    }

    [Fact]
    public void For_NobodyWantsAReport_LetsExitGo()
    {
        Assert.Contains(FilterRules.For(strict: false, report: true), r => r.Call == SystemCall.ExitGroup);
        Assert.DoesNotContain(FilterRules.For(strict: false, report: false), r => r.Call == SystemCall.ExitGroup);
    }

    private static IEnumerable<uint> Numbers() => Enumerable.Range(0, (int)LastNumber + 1).Select(n => (uint)n);

    private static string? FirstDisagreement(FilterProgram.Instruction[] program, bool strict)
    {
        var machine = new FilterMachine(program);
        foreach (uint number in Numbers())
        {
            foreach (ulong[] arguments in Samples(FilterRules.For(strict).FirstOrDefault(r => (uint)r.Call == number)))
            {
                uint expected = Expected(number, arguments, strict);
                uint? decided = Decide(machine, number, arguments);
                if (decided != expected)
                {
                    return $"call {number} with {string.Join(", ", arguments)}: 0x{decided:x}, not 0x{expected:x}";
                }
            }
        }

        return null;
    }

    // A broken program may also run out of itself.
    private static uint? Decide(FilterMachine machine, uint number, ulong[] arguments)
    {
        try
        {
            return machine.Run(number, arguments).Action;
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentOutOfRangeException or IndexOutOfRangeException)
        {
            return null;
        }
    }

    private static IEnumerable<ulong[]> Samples(FilterRule? rule)
    {
        if (rule is null || rule.Kind is FilterKind.Always or FilterKind.Refused)
        {
            return [[0, 0, 0, 0, 0, 0]];
        }

        int[] fds = rule.Kind is FilterKind.OurFd or FilterKind.Ioctl ? rule.FdArguments
            : rule.Kind == FilterKind.TakingAdvice ? [2]
            : [0, 3];
        int other = rule.Kind is FilterKind.Ioctl or FilterKind.OwnListener ? 1 : fds[^1];
        return from first in Fds.Concat(Commands)
               from second in Fds.Concat(Commands)
               select With(first, fds[0], second, other == fds[0] ? 5 : other);
    }

    private static ulong[] With(ulong first, int firstIndex, ulong second, int secondIndex)
    {
        ulong[] arguments = new ulong[6];
        arguments[firstIndex] = first;
        arguments[secondIndex] = second;
        return arguments;
    }

    // What the table means, in words of its own.
    private static uint Expected(uint number, ulong[] arguments, bool strict)
    {
        if (FilterRules.For(strict).FirstOrDefault(r => (uint)r.Call == number) is not { } rule)
        {
            return FilterVerdict.Allow;
        }

        bool ours = rule.FdArguments.Any(i => (int)arguments[i] >= Floor);
        bool stopped = rule.Kind switch
        {
            FilterKind.Always => true,
            FilterKind.OurFd => ours,
            FilterKind.Ioctl => ours || "HbduW>".Contains((char)(byte)(arguments[1] >> 8), StringComparison.Ordinal),
            FilterKind.FileMmap => ((int)arguments[3] & 0x20) == 0,
            FilterKind.TakingAdvice => (uint)arguments[2] is 9 or 100 or 101,
            FilterKind.OwnListener => (uint)arguments[0] == 1 && ((uint)arguments[1] & 8) != 0,
            _ => false,
        };
        return rule.Kind == FilterKind.Refused ? FilterVerdict.NotPermitted : stopped ? FilterVerdict.Notify : FilterVerdict.Allow;
    }
}
