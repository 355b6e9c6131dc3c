using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace CocoGuest.Supervisor.Seccomp;

/// <summary>struct seccomp_notif: a system call that waits for the supervisor.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct Notification
{
    /// <summary>Cookie of the waiting call.</summary>
    public ulong Id;

    /// <summary>The thread, in the supervisor's pid namespace; 0 if it is not in it.</summary>
    public int Tid;

    public uint Flags;
    public int Number;
    public uint Architecture;
    public ulong InstructionPointer;
    public CallArguments Arguments;

    public readonly SystemCall Call => (SystemCall)Number;

    /// <summary>An argument as it is.</summary>
    public readonly ulong this[int index] => Arguments[index];

    /// <summary>An argument that is an int.</summary>
    public readonly int Int(int index) => (int)Arguments[index];

    /// <summary>An argument that is an unsigned int.</summary>
    public readonly uint UInt(int index) => (uint)Arguments[index];

    /// <summary>The six arguments.</summary>
    [InlineArray(6)]
    internal struct CallArguments
    {
        private ulong _first;
    }
}
