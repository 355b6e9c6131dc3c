using System.Collections;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using CocoGuest.Linux;
using CocoGuest.Linux.Sockets;
using CocoGuest.Supervisor.Seccomp;
using CocoGuest.Supervisor.Target;

namespace CocoGuest.Supervisor.Launch;

/// <summary>
/// The program's first moments: a child of this process puts the filter on, sends the listener to the supervisor, and becomes the program.
/// This process stays and keeps it (<see cref="Keeper"/>).
/// </summary>
/// <remarks>
/// Between the filter and exec, each call of the filter's list waits for a supervisor that has no listener yet. And a child of fork has one
/// thread only: nobody there collects garbage or compiles. So every native function is called once before, which binds it (that opens
/// files); what the child runs is compiled before; all memory that exec needs is made before; and native calls change no state of the
/// runtime.
/// </remarks>
internal static unsafe class Launcher
{
    private const int NotFound = 127;
    private const int NotExecutable = 126;
    private const int StandardError = 2;
    private const nint ByDefault = 0;
    private const nint Ignore = 1;
    private const int UnblockAll = 2;
    private const int SignalSetWords = 16;
    private const int NoExec = 8;
    private const int MostErrno = 134;

    /// <summary>Runs the program and comes back with its exit status, or with one as a shell gives if it cannot be run.</summary>
    public static int Run(LaunchSpec spec)
    {
        if (ProgramFile.Find(spec.Program[0], Environment.GetEnvironmentVariable("PATH")) is not { } path)
        {
            Console.Error.WriteLine($"coco run: {spec.Program[0]}: no such program.");
            return NotFound;
        }

        FilterProgram.Instruction[] filter = FilterProgram.Compile(FilterRules.For(spec.Strict, spec.TellsLeaks), spec.Floor);
        // One for each errno, since the child can make no text.
        byte[][] complaints = [.. Enumerable.Range(0, MostErrno).Select(e =>
            Encoding.UTF8.GetBytes($"coco run: {path} cannot be run: {Marshal.GetPInvokeErrorMessage(e)}.\n\0"))];
        Bind(spec.Channel);
        RuntimeHelpers.PrepareMethod(((Func<Start, int>)Become).Method.MethodHandle);
        RuntimeHelpers.PrepareMethod(((Func<Start, nint>)PutFilterOn).Method.MethodHandle);
        _ = BareLibc.Prctl(Libc.PrSetChildSubreaper, 1, 0, 0, 0);
        ulong ignored = ProcFolder.IgnoredSignals(Environment.ProcessId);
        using var signals = new SignalRelay(0);
        fixed (FilterProgram.Instruction* instructions = filter)
        {
            var code = new SockFprog { Len = (ushort)filter.Length, Filter = instructions };
            var start = new Start
            {
                Channel = spec.Channel,
                Limit = spec.Limit,
                Traceable = spec.Traceable,
                Relayed = SignalRelay.Signals,
                Ignored = ignored,
                Filter = &code,
                Program = (byte*)Marshal.StringToCoTaskMemUTF8(path),
                Arguments = Strings(spec.Program),
                // What the kernel does not know how to start, a shell may: as execvp does.
                Shell = ProgramFile.IsElf(path) ? null : Strings(["/bin/sh", path, .. spec.Program.Skip(1)]),
                Environment = Strings(Variables()),
                Complaints = Strings(complaints),
            };
            int child = BareLibc.Fork();
            return child == 0 ? Become(start) : child < 0 ? NotExecutable : Keeper.Run(child, spec.Channel, signals);
        }
    }

    // In the child. Does not come back.
    private static int Become(Start start)
    {
        // The relay is the keeper's. What was ignored at the start (nohup) stays so.
        for (int signal = 1; start.Relayed >> signal != 0; signal++)
        {
            if ((start.Relayed >> signal & 1) != 0)
            {
                _ = BareLibc.Signal(signal, (start.Ignored >> signal & 1) != 0 ? Ignore : ByDefault);
            }
        }

        ulong* none = stackalloc ulong[SignalSetWords];
        RLimit limit = default;
        _ = BareLibc.Getrlimit(Libc.RlimitNofile, &limit);
        limit.Cur = (ulong)start.Limit;
        limit.Max = limit.Max > limit.Cur ? limit.Max : limit.Cur;
        _ = BareLibc.Setrlimit(Libc.RlimitNofile, &limit);
        // The runtime ignores it for itself; a program starts with the default.
        _ = BareLibc.Signal(Libc.Sigpipe, ByDefault);
        _ = BareLibc.PthreadSigmask(UnblockAll, none, null);
        _ = BareLibc.Prctl(Libc.PrSetPdeathsig, Libc.Sigkill, 0, 0, 0);
        if (start.Traceable)
        {
            // Where Yama lets only ancestors trace. It holds for this process, not for its children.
            _ = BareLibc.Prctl(Libc.PrSetPtracer, Libc.PrSetPtracerAny, 0, 0, 0);
        }

        byte go = 0;
        nint listener = PutFilterOn(start);
        if (listener >= 0 && ScmRights.SendBare(start.Channel, (int)listener) == 0 && BareLibc.Read(start.Channel, &go, 1) == 1)
        {
            _ = BareLibc.Close((int)listener);
            _ = BareLibc.Close(start.Channel);
            _ = BareLibc.Execve(start.Program, start.Arguments, start.Environment);
            if (start.Shell is not null && *BareLibc.ErrnoLocation() == NoExec)
            {
                _ = BareLibc.Execve(start.Shell[0], start.Shell, start.Environment);
            }
        }

        int error = *BareLibc.ErrnoLocation();
        byte* complaint = start.Complaints[error is >= 0 and < MostErrno ? error : 0];
        nuint length = 0;
        while (complaint[length] != 0)
        {
            length++;
        }

        _ = BareLibc.Write(StandardError, complaint, length);
        BareLibc.Exit(NotExecutable);
        return NotExecutable;
    }

    private static nint PutFilterOn(Start start)
    {
        if (BareLibc.Prctl(Libc.PrSetNoNewPrivs, 1, 0, 0, 0) != 0)
        {
            return -1;
        }

        const nint killable = Libc.SeccompFilterFlagNewListener | Libc.SeccompFilterFlagWaitKillableRecv;
        const nint beforeLinux519 = Libc.SeccompFilterFlagNewListener;
        nint listener = BareLibc.Syscall(Libc.SysSeccomp, Libc.SeccompSetModeFilter, killable, (nint)start.Filter);
        return listener >= 0
            ? listener
            : BareLibc.Syscall(Libc.SysSeccomp, Libc.SeccompSetModeFilter, beforeLinux519, (nint)start.Filter);
    }

    private static void Bind(int channel)
    {
        RLimit limit = default;
        byte none = 0;
        ulong* mask = stackalloc ulong[SignalSetWords];
        _ = BareLibc.Getrlimit(Libc.RlimitNofile, &limit);
        _ = BareLibc.Setrlimit(Libc.RlimitNofile, &limit);
        _ = BareLibc.Signal(Libc.Sigpipe, Ignore);
        _ = BareLibc.PthreadSigmask(0, mask, null);
        _ = BareLibc.Prctl(-1, 0, 0, 0, 0);
        _ = BareLibc.Syscall(Libc.SysSeccomp, -1, 0, 0);
        _ = ScmRights.SendBare(-1, channel);
        _ = BareLibc.Read(-1, &none, 0);
        _ = BareLibc.Write(-1, &none, 0);
        _ = BareLibc.Close(-1);
        _ = BareLibc.Execve(&none, null, null);
        _ = *BareLibc.ErrnoLocation();
        // Their addresses are all that is wanted of these.
        NativeLibrary.TryLoad("libc.so.6", out nint library);
        _ = NativeLibrary.GetExport(library, "_exit");
    }

    private static string[] Variables() =>
        [.. Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().Select(e => $"{e.Key}={e.Value}")];

    private static byte** Strings(byte[][] strings)
    {
        byte** table = (byte**)NativeMemory.AllocZeroed((nuint)strings.Length + 1, (nuint)sizeof(byte*));
        for (int i = 0; i < strings.Length; i++)
        {
            table[i] = (byte*)NativeMemory.Alloc((nuint)strings[i].Length);
            strings[i].CopyTo(new Span<byte>(table[i], strings[i].Length));
        }

        return table;
    }

    private static byte** Strings(IReadOnlyList<string> strings)
    {
        byte** table = (byte**)NativeMemory.AllocZeroed((nuint)strings.Count + 1, (nuint)sizeof(byte*));
        for (int i = 0; i < strings.Count; i++)
        {
            table[i] = (byte*)Marshal.StringToCoTaskMemUTF8(strings[i]);
        }

        return table;
    }

    private struct Start
    {
        public int Channel;
        public int Limit;
        public bool Traceable;
        public ulong Relayed;
        public ulong Ignored;
        public SockFprog* Filter;
        public byte* Program;
        public byte** Arguments;
        public byte** Shell;
        public byte** Environment;
        public byte** Complaints;
    }
}
