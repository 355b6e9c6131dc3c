using System.Diagnostics;
using System.Runtime.InteropServices;
using CocoGuest.Linux;
using CocoGuest.Linux.Events;

namespace CocoGuest.Supervisor.Target;

/// <summary>
/// System calls in another thread's place, by ptrace: for the few mappings that no single mmap of the program's own can make. The thread is
/// taken at the end of the call that it waits in, makes the calls that it is told, and goes on as if the first had returned the last one's
/// result.
/// <para>All signals are blocked in it meanwhile, so those that come wait for it as for any thread. A fault of the instruction that makes
/// the calls, whose page another thread may take away or change, is none that can wait: it ends the calls, and the program dies of it as
/// it would of its own.</para>
/// <para>ptrace belongs to a thread: all of one instance is used on one. x86-64 only.</para>
/// </summary>
internal sealed unsafe class RemoteCalls : IDisposable
{
    private const int Seize = 0x4206;
    private const int Interrupt = 0x4207;
    private const int GetRegisters = 12;
    private const int SetRegisters = 13;
    private const int ToNextCall = 24;
    private const int Detach = 17;
    private const int GetSignalMask = 0x420a;
    private const int SetSignalMask = 0x420b;
    private const ulong AllSignals = ulong.MaxValue;
    private const int NoHang = 1;
    private const int LongestInstructionMilliseconds = 1000;
    private const nint MarkCallStops = 1;
    private const int AnyThread = 0x40000000;
    private const int CallStop = 5 | 0x80;
    private const int CallBytes = 2;
    private const int Stopped = 0x7f;
    private const int Forever = -1;
    private const int StopSignal = 19; // SIGSTOP
    private readonly int _tid;
    private Registers _saved;
    private ulong _savedMask;
    private int _fault;
    private bool _broken;
    private bool _isToStop;
    private bool _stopped;

    private RemoteCalls(int tid) => _tid = tid;

    /// <summary>What the interrupted call returns to the program.</summary>
    public long Result { get; set; }

    /// <summary>What the interrupted call returned by itself: a negative errno if it failed.</summary>
    public long Returned => (long)_saved.Accumulator;

    /// <summary>Begins: the thread will stop when the call that it waits in is answered. Null: it may not be traced, or is.</summary>
    public static RemoteCalls? Begin(int tid) =>
        Libc.Ptrace(Seize, tid, 0, MarkCallStops) == 0 && Libc.Ptrace(Interrupt, tid, 0, 0) == 0 ? new RemoteCalls(tid) : null;

    /// <summary>Waits for the stop, once the call was answered. False: the thread is gone.</summary>
    public bool WaitForStop()
    {
        int status;
        if (!Wait(&status))
        {
            return false;
        }

        ulong all = AllSignals;
        fixed (Registers* saved = &_saved)
        fixed (ulong* mask = &_savedMask)
        {
            _stopped = Libc.Ptrace(GetRegisters, _tid, 0, (nint)saved) == 0
                && Libc.Ptrace(GetSignalMask, _tid, sizeof(ulong), (nint)mask) == 0
                && Libc.Ptrace(SetSignalMask, _tid, sizeof(ulong), (nint)(&all)) == 0;
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
        const long faulted = -14; // EFAULT, for who lives to see it
        if (_broken || Libc.Ptrace(SetRegisters, _tid, 0, (nint)(&registers)) != 0
            || !RunToCallStop(LongestInstructionMilliseconds) || !RunToCallStop(Forever)
            || Libc.Ptrace(GetRegisters, _tid, 0, (nint)(&registers)) != 0)
        {
            return faulted;
        }

        return (long)registers.Accumulator;
    }

    /// <summary>Lets the thread go on; signals that came meanwhile come now.</summary>
    public void Dispose()
    {
        if (_stopped)
        {
            ulong mask = _savedMask;
            Registers registers = _saved;
            registers.Accumulator = (ulong)Result;
            registers.Original = ulong.MaxValue;
            _ = Libc.Ptrace(SetSignalMask, _tid, sizeof(ulong), (nint)(&mask));
            _ = Libc.Ptrace(SetRegisters, _tid, 0, (nint)(&registers));
        }

        _ = Libc.Ptrace(Detach, _tid, 0, _fault);
        if (_isToStop)
        {
            _ = Libc.Kill(_tid, StopSignal);
        }
    }

    private static ulong At(ReadOnlySpan<ulong> arguments, int index) => index < arguments.Length ? arguments[index] : 0;

    // The way to the entry of a call is one instruction, however the page that it is on was changed; the call itself may take its time.
    // A SIGSTOP, which cannot be blocked, comes when the calls are over.
    private bool RunToCallStop(int milliseconds)
    {
        while (true)
        {
            int status = 0;
            bool inTime = true;
            if (Libc.Ptrace(ToNextCall, _tid, 0, 0) != 0
                || !(milliseconds < 0 ? Wait(&status) : WaitFor(milliseconds, &status, out inTime)))
            {
                return false;
            }

            int signal = (status >> 8) & 0xff;
            bool delivers = status >> 16 == 0;
            if (signal == CallStop)
            {
                return true;
            }

            if (!inTime || (delivers && signal != StopSignal))
            {
                (_broken, _fault) = (true, inTime ? signal : 0);
                return false;
            }

            _isToStop |= delivers;
        }
    }

    // Not in time: the thread does not come to its call, and is stopped where it is.
    private bool WaitFor(int milliseconds, int* status, out bool inTime)
    {
        long start = Stopwatch.GetTimestamp();
        int waited;
        inTime = true;
        while ((waited = Libc.Waitpid(_tid, status, AnyThread | NoHang)) == 0)
        {
            if (Stopwatch.GetElapsedTime(start).TotalMilliseconds > milliseconds)
            {
                inTime = false;
                _ = Libc.Ptrace(Interrupt, _tid, 0, 0);
                return Wait(status);
            }

            if (!Thread.Yield())
            {
                _ = HostPoll.Wait([], 1);
            }
        }

        return waited == _tid && (*status & 0xff) == Stopped;
    }

    private bool Wait(int* status)
    {
        int waited;
        while ((waited = Libc.Waitpid(_tid, status, AnyThread)) < 0 && Marshal.GetLastPInvokeError() == Libc.Eintr)
        {
        }

        return waited == _tid && (*status & 0xff) == Stopped;
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
}
