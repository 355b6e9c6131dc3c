using System.Runtime.InteropServices;

namespace CocoGuest.Supervisor.Seccomp;

/// <summary>
/// The classic BPF program of a set of <see cref="FilterRule"/>: a search tree over the call's number, with one leaf for each rule; the few
/// calls of <see cref="FilterRules.Hot"/> are decided before.
/// </summary>
/// <remarks>
/// A call that no rule names reaches "allow" by its number alone, which lets the kernel answer it from a bitmap without running the
/// program. Calls of another architecture are all stopped, for the supervisor to say why they cannot be made; x32 calls get ENOSYS.
/// </remarks>
internal static class FilterProgram
{
    private const ushort LoadWord = 0x20; // BPF_LD | BPF_W | BPF_ABS
    private const ushort JumpAlways = 0x05;
    private const ushort JumpEqual = 0x15;
    private const ushort JumpGreaterOrEqual = 0x35;
    private const ushort JumpAnyBit = 0x45;
    private const ushort ShiftRight = 0x74;
    private const ushort And = 0x54;
    private const ushort Return = 0x06;

    private const uint NumberOffset = 0;
    private const uint ArchitectureOffset = 4;
    private const uint ArgumentsOffset = 16;
    private const uint ArgumentBytes = 8;
    private const uint X32Bit = 0x40000000;
    private const uint MapAnonymous = 0x20;
    private const uint AdviceRemove = 9;
    private const uint AdvicePoison = 100;
    private const uint AdviceOffline = 101;
    private const uint SetModeFilter = 1;
    private const uint NewListener = 8;

    private const uint Allow = 0x7fff0000;
    private const uint Notify = 0x7fc00000;
    private const uint RefuseWith = 0x00050000;
    private const uint Enosys = 38;
    private const uint Eperm = 1;

    /// <summary>Compiles the rules.</summary>
    /// <param name="rules">At most one a call.</param>
    /// <param name="floor">First fd number of the reserved range; it has no upper end.</param>
    public static Instruction[] Compile(IReadOnlyList<FilterRule> rules, int floor)
    {
        FilterRule[] hot = [.. rules.Where(r => FilterRules.Hot.Contains(r.Call))];
        FilterRule[] sorted = [.. rules.Except(hot).OrderBy(r => r.Call)];
        return
        [
            new(LoadWord, ArchitectureOffset),
            new(JumpEqual, Architecture.X8664, 1, 0),
            new(Return, Notify),
            new(LoadWord, NumberOffset),
            new(JumpGreaterOrEqual, X32Bit, 0, 1),
            new(Return, RefuseWith | Enosys),
            .. hot.SelectMany(rule => If(rule, (uint)floor)),
            .. Tree(sorted, (uint)floor),
        ];
    }

    private static Instruction[] Tree(ReadOnlySpan<FilterRule> rules, uint floor)
    {
        if (rules.Length == 1)
        {
            return [new(JumpEqual, (uint)rules[0].Call, 1, 0), new(Return, Allow), .. Leaf(rules[0], floor)];
        }

        int half = rules.Length / 2;
        Instruction[] low = Tree(rules[..half], floor);
        Instruction[] high = Tree(rules[half..], floor);
        // The offsets of a conditional jump are bytes, so the far way goes by a jump of its own.
        return [new(JumpGreaterOrEqual, (uint)rules[half].Call, 0, 1), new(JumpAlways, (uint)low.Length), .. low, .. high];
    }

    private static Instruction[] If(FilterRule rule, uint floor)
    {
        Instruction[] leaf = Leaf(rule, floor);
        return [new(JumpEqual, (uint)rule.Call, 0, (byte)leaf.Length), .. leaf];
    }

    private static Instruction[] Leaf(FilterRule rule, uint floor) => rule.Kind switch
    {
        FilterKind.Always => [new(Return, Notify)],
        FilterKind.Refused => [new(Return, RefuseWith | Eperm)],
        FilterKind.OurFd => [.. FdTests(rule, floor), new(Return, Allow)],
        FilterKind.Ioctl => [.. FdTests(rule, floor), .. FamilyTests(), new(Return, Allow)],
        FilterKind.TakingAdvice =>
        [
            LoadArgument(2), new(JumpEqual, AdviceRemove, 2, 0), new(JumpEqual, AdvicePoison, 1, 0),
            new(JumpEqual, AdviceOffline, 0, 1), new(Return, Notify), new(Return, Allow),
        ],
        FilterKind.FileMmap =>
            [LoadArgument(3), new(JumpAnyBit, MapAnonymous, 1, 0), new(Return, Notify), new(Return, Allow)],
        _ =>
        [
            LoadArgument(0), new(JumpEqual, SetModeFilter, 1, 0), new(Return, Allow),
            LoadArgument(1), new(JumpAnyBit, NewListener, 1, 0), new(Return, Allow), new(Return, Notify),
        ],
    };

    // AT_FDCWD and -1 are above the range as unsigned numbers.
    private static IEnumerable<Instruction> FdTests(FilterRule rule, uint floor) =>
        rule.FdArguments.SelectMany(argument => new Instruction[]
        {
            LoadArgument(argument),
            new(JumpGreaterOrEqual, 0x80000000, 2, 0),
            new(JumpGreaterOrEqual, floor, 0, 1),
            new(Return, Notify),
        });

    private static Instruction[] FamilyTests() =>
    [
        LoadArgument(1), new(ShiftRight, 8u), new(And, 0xffu),
        .. FilterRules.IoctlFamilies.SelectMany(family => new Instruction[] { new(JumpEqual, (uint)family, 0, 1), new(Return, Notify) }),
    ];

    private static Instruction LoadArgument(int index) => new(LoadWord, ArgumentsOffset + (ArgumentBytes * (uint)index));

    /// <summary>struct sock_filter.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal readonly struct Instruction(ushort code, uint value, byte ifTrue = 0, byte ifFalse = 0)
    {
        public readonly ushort Code = code;
        public readonly byte IfTrue = ifTrue;
        public readonly byte IfFalse = ifFalse;
        public readonly uint Value = value;
    }
}
