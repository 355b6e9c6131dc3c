using System.Runtime.InteropServices;

namespace CocoGuest.Supervisor.Target;

/// <summary>
/// System calls in another thread's place, by ptrace: for the few mappings that no single mmap of the program's own can make. The
/// thread is taken at the end of the call that it waits in, makes the calls that it is told, and goes on as if the first had returned
/// the last one's result.
/// <para>ptrace belongs to a thread: all of one instance is used on one. x86-64 only.</para>
/// </summary>
internal sealed unsafe partial class RemoteCalls : IDisposable
{
    private const int Seize = 0x4206;
    private const int Interrupt = 0x4207;
    private const int GetRegisters = 12;
    private const int SetRegisters = 13;
    private const int ToNextCall = 24;
    private const int Detach = 17;
    private const nint MarkCallStops = 1;
    private const int AnyThread = 0x40000000;
    private const int CallStop = 5 | 0x80;
    private const int Interrupted = 4;
    private const int CallBytes = 2;
    private readonly int _tid;
    private readonly List<int> _signals = [];
    private Registers _saved;
    private bool _stopped;

    private RemoteCalls(int tid) => _tid = tid;

    /// <summary>What the interrupted call returns to the program.</summary>
    public long Result { get; set; }

    /// <summary>What the interrupted call returned by itself: a negative errno if it failed.</summary>
    public long Returned => (long)_saved.Accumulator;

    /// <summary>Begins: the thread will stop when the call that it waits in is answered. Null: it may not be traced, or is.</summary>
    public static RemoteCalls? Begin(int tid) =>
        Trace(Seize, tid, 0, MarkCallStops) == 0 && Trace(Interrupt, tid, 0, 0) == 0 ? new RemoteCalls(tid) : null;

    /// <summary>Waits for the stop, once the call was answered. False: the thread is gone.</summary>
    public bool WaitForStop()
    {
        int status;
        if (!Wait(&status))
        {
            return false;
        }

        fixed (Registers* saved = &_saved)
        {
            _stopped = Trace(GetRegisters, _tid, 0, (nint)saved) == 0;
        }

        return _stopped;
    }

    /// <summary>Makes one call.</summary>
    /// <returns>What it returns: a negative errno if it failed.</returns>
    public long Call(long number, params ReadOnlySpan<ulong> arguments)
    {
        Registers registers = _saved;
        registers.InstructionPointer -= CallBytes; // the instruction that made the interrupted call
        registers.Accumulator = (ulong)number;
        registers.Original = ulong.MaxValue;
        (registers.First, registers.Second, registers.Third) = (At(arguments, 0), At(arguments, 1), At(arguments, 2));
        (registers.Fourth, registers.Fifth, registers.Sixth) = (At(arguments, 3), At(arguments, 4), At(arguments, 5));
        if (Trace(SetRegisters, _tid, 0, (nint)(&registers)) != 0 || !RunToCallStop() || !RunToCallStop()
            || Trace(GetRegisters, _tid, 0, (nint)(&registers)) != 0)
        {
            const long noSuchThread = -3;
            return noSuchThread;
        }

        return (long)registers.Accumulator;
    }

    /// <summary>Lets the thread go on; signals that came meanwhile come now.</summary>
    public void Dispose()
    {
        if (_stopped)
        {
            Registers registers = _saved;
            registers.Accumulator = (ulong)Result;
            registers.Original = ulong.MaxValue;
            _ = Trace(SetRegisters, _tid, 0, (nint)(&registers));
        }

        _ = Trace(Detach, _tid, 0, 0);
        _signals.ForEach(signal => SendSignal(_tid, signal));
    }

    private static ulong At(ReadOnlySpan<ulong> arguments, int index) => index < arguments.Length ? arguments[index] : 0;

    private bool RunToCallStop()
    {
        int status = 0;
        do
        {
            if (Trace(ToNextCall, _tid, 0, 0) != 0 || !Wait(&status))
            {
                return false;
            }

            int signal = (status >> 8) & 0xff;
            if (signal != CallStop && status >> 16 == 0)
            {
                _signals.Add(signal);
            }
        }
        while (((status >> 8) & 0xff) != CallStop);
        return true;
    }

    private bool Wait(int* status)
    {
        int waited;
        while ((waited = WaitFor(_tid, status, AnyThread)) < 0 && Marshal.GetLastPInvokeError() == Interrupted)
        {
        }

        const int stopped = 0x7f;
        return waited == _tid && (*status & 0xff) == stopped;
    }

    // struct user_regs_struct
    [StructLayout(LayoutKind.Sequential)]
    private struct Registers
    {
        public ulong R15;
        public ulong R14;
        public ulong R13;
        public ulong R12;
        public ulong BasePointer;
        public ulong Base;
        public ulong R11;
        public ulong Fourth;
        public ulong Sixth;
        public ulong Fifth;
        public ulong Accumulator;
        public ulong Counter;
        public ulong Third;
        public ulong Second;
        public ulong First;
        public ulong Original;
        public ulong InstructionPointer;
        public ulong CodeSegment;
        public ulong Flags;
        public ulong StackPointer;
        public ulong StackSegment;
        public ulong FsBase;
        public ulong GsBase;
        public ulong DataSegment;
        public ulong ExtraSegment;
        public ulong Fs;
        public ulong Gs;
    }

    [LibraryImport("libc", EntryPoint = "ptrace", SetLastError = true)]
    private static partial nint Trace(nint request, nint tid, nint address, nint data);

    [LibraryImport("libc", EntryPoint = "waitpid", SetLastError = true)]
    private static partial int WaitFor(int pid, int* status, int options);

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int SendSignal(int pid, int signal);
}
