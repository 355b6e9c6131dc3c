using CocoGuest.Supervisor.Seccomp;

namespace CocoGuest.Tests.Clients.Supervisor;

/// <summary>
/// What the kernel does with a compiled filter: runs classic BPF over struct seccomp_data. Knows the instructions that the compiler
/// emits; any other, and a jump out of the program, is an exception.
/// </summary>
/// <param name="program">The filter.</param>
internal sealed class FilterMachine(IReadOnlyList<FilterProgram.Instruction> program)
{
    /// <summary>AUDIT_ARCH_X86_64.</summary>
    public const uint X8664 = 0xc000003e;

    /// <summary>The verdict on a call.</summary>
    /// <param name="number">The call's number.</param>
    /// <param name="arguments">Its six arguments.</param>
    /// <param name="architecture">AUDIT_ARCH_*.</param>
    public FilterVerdict Run(uint number, ReadOnlySpan<ulong> arguments, uint architecture = X8664)
    {
        uint accumulator = 0;
        bool readArguments = false;
        for (int at = 0; ;)
        {
            FilterProgram.Instruction now = program[at++];
            switch (now.Code)
            {
                case 0x20: // BPF_LD | BPF_W | BPF_ABS
                    readArguments |= now.Value >= 8;
                    accumulator = Load(now.Value, number, architecture, arguments);
                    break;
                case 0x05: // BPF_JMP | BPF_JA
                    at += (int)now.Value;
                    break;
                case 0x15: // BPF_JEQ
                    at += accumulator == now.Value ? now.IfTrue : now.IfFalse;
                    break;
                case 0x35: // BPF_JGE
                    at += accumulator >= now.Value ? now.IfTrue : now.IfFalse;
                    break;
                case 0x45: // BPF_JSET
                    at += (accumulator & now.Value) != 0 ? now.IfTrue : now.IfFalse;
                    break;
                case 0x74: // BPF_ALU | BPF_RSH
                    accumulator >>= (int)now.Value;
                    break;
                case 0x54: // BPF_ALU | BPF_AND
                    accumulator &= now.Value;
                    break;
                case 0x06: // BPF_RET
                    return new FilterVerdict(now.Value, readArguments);
                default:
                    throw new InvalidOperationException($"Instruction {at - 1} has the unknown code 0x{now.Code:x}.");
            }
        }
    }

    // struct seccomp_data of a little-endian machine: nr, arch, instruction pointer, args[6].
    private static uint Load(uint offset, uint number, uint architecture, ReadOnlySpan<ulong> arguments) => offset switch
    {
        0 => number,
        4 => architecture,
        >= 16 and < 64 when offset % 4 == 0 => (uint)(arguments[(int)(offset - 16) / 8] >> (offset % 8 == 0 ? 0 : 32)),
        _ => throw new InvalidOperationException($"Nothing the rules name is at offset {offset}."),
    };
}
