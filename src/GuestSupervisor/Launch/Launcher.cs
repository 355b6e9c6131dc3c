using System.Collections;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using CocoGuest.Supervisor.Seccomp;
using CocoGuest.Supervisor.Target;

namespace CocoGuest.Supervisor.Launch;

/// <summary>
/// The program's first moments: a child of this process puts the filter on, sends the listener to the supervisor, and becomes the
/// program. This process stays and keeps it (<see cref="Keeper"/>).
/// </summary>
/// <remarks>
/// Between the filter and exec, each call of the filter's list waits for a supervisor that has no listener yet. And a child of fork has
/// one thread only: nobody there collects garbage or compiles. So every native function is called once before, which binds it (that
/// opens files); what the child runs is compiled before; all memory that exec needs is made before; and native calls change no state of
/// the runtime.
/// </remarks>
internal static unsafe partial class Launcher
{
    private const int NotFound = 127;
    private const int NotExecutable = 126;
    private const int StandardError = 2;
    private const int BecomeSubreaper = 36;
    private const int SetNoNewPrivileges = 38;
    private const int SetParentDeathSignal = 1;
    private const int SetTracer = 0x59616d61;
    private const nint AnyTracer = -1;
    private const int Kill = 9;
    private const int BrokenPipe = 13;
    private const nint ByDefault = 0;
    private const nint Ignore = 1;
    private const int OpenFiles = 7;
    private const int UnblockAll = 2;
    private const nint SeccompCall = 317;
    private const nint SetModeFilter = 1;
    private const nint NewListener = 8;
    private const nint WaitKillable = 32;
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

        FilterProgram.Instruction[] filter = FilterProgram.Compile(FilterRules.For(spec.Strict), spec.Floor);
        // One for each errno, since the child can make no text.
        byte[][] complaints = [.. Enumerable.Range(0, MostErrno).Select(e =>
            Encoding.UTF8.GetBytes($"coco run: {path} cannot be run: {Marshal.GetPInvokeErrorMessage(e)}.\n\0"))];
        Bind(spec.Channel);
        RuntimeHelpers.PrepareMethod(((Func<Start, int>)Become).Method.MethodHandle);
        RuntimeHelpers.PrepareMethod(((Func<Start, nint>)PutFilterOn).Method.MethodHandle);
        _ = ProcessControl(BecomeSubreaper, 1, 0, 0, 0);
        ulong ignored = ProcFolder.IgnoredSignals(Environment.ProcessId);
        using var signals = new SignalRelay(0);
        fixed (FilterProgram.Instruction* instructions = filter)
        {
            var code = new FilterCode { Length = (ushort)filter.Length, Instructions = instructions };
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
            int child = Fork();
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
                _ = Signal(signal, (start.Ignored >> signal & 1) != 0 ? Ignore : ByDefault);
            }
        }

        ulong* none = stackalloc ulong[SignalSetWords];
        Limit limit = default;
        _ = GetLimit(OpenFiles, &limit);
        limit.Soft = (ulong)start.Limit;
        limit.Hard = limit.Hard > limit.Soft ? limit.Hard : limit.Soft;
        _ = SetLimit(OpenFiles, &limit);
        // The runtime ignores it for itself; a program starts with the default.
        _ = Signal(BrokenPipe, ByDefault);
        _ = SignalMask(UnblockAll, none, null);
        _ = ProcessControl(SetParentDeathSignal, Kill, 0, 0, 0);
        if (start.Traceable)
        {
            // Where Yama lets only ancestors trace. It holds for this process, not for its children.
            _ = ProcessControl(SetTracer, AnyTracer, 0, 0, 0);
        }

        byte go = 0;
        nint listener = PutFilterOn(start);
        if (listener >= 0 && FdChannel.SendRaw(start.Channel, (int)listener) == 0 && Read(start.Channel, &go, 1) == 1)
        {
            _ = Close((int)listener);
            _ = Close(start.Channel);
            _ = Execute(start.Program, start.Arguments, start.Environment);
            if (start.Shell is not null && *ErrnoLocation() == NoExec)
            {
                _ = Execute(start.Shell[0], start.Shell, start.Environment);
            }
        }

        int error = *ErrnoLocation();
        byte* complaint = start.Complaints[error is >= 0 and < MostErrno ? error : 0];
        nuint length = 0;
        while (complaint[length] != 0)
        {
            length++;
        }

        _ = Write(StandardError, complaint, length);
        Exit(NotExecutable);
        return NotExecutable;
    }

    private static nint PutFilterOn(Start start)
    {
        if (ProcessControl(SetNoNewPrivileges, 1, 0, 0, 0) != 0)
        {
            return -1;
        }

        nint listener = SystemCall(SeccompCall, SetModeFilter, NewListener | WaitKillable, (nint)start.Filter);
        return listener >= 0 ? listener : SystemCall(SeccompCall, SetModeFilter, NewListener, (nint)start.Filter); // before Linux 5.19
    }

    private static void Bind(int channel)
    {
        Limit limit = default;
        byte none = 0;
        ulong* mask = stackalloc ulong[SignalSetWords];
        _ = GetLimit(OpenFiles, &limit);
        _ = SetLimit(OpenFiles, &limit);
        _ = Signal(BrokenPipe, Ignore);
        _ = SignalMask(0, mask, null);
        _ = ProcessControl(-1, 0, 0, 0, 0);
        _ = SystemCall(SeccompCall, -1, 0, 0);
        _ = FdChannel.SendRaw(-1, channel);
        _ = Read(-1, &none, 0);
        _ = Write(-1, &none, 0);
        _ = Close(-1);
        _ = Execute(&none, null, null);
        _ = *ErrnoLocation();
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
        public FilterCode* Filter;
        public byte* Program;
        public byte** Arguments;
        public byte** Shell;
        public byte** Environment;
        public byte** Complaints;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct FilterCode
    {
        public ushort Length;
        public FilterProgram.Instruction* Instructions;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Limit
    {
        public ulong Soft;
        public ulong Hard;
    }

    [LibraryImport("libc", EntryPoint = "fork"), SuppressGCTransition]
    private static partial int Fork();

    [LibraryImport("libc", EntryPoint = "_exit"), SuppressGCTransition]
    private static partial void Exit(int status);

    [LibraryImport("libc", EntryPoint = "__errno_location"), SuppressGCTransition]
    private static partial int* ErrnoLocation();

    [LibraryImport("libc", EntryPoint = "getrlimit"), SuppressGCTransition]
    private static partial int GetLimit(int resource, Limit* limit);

    [LibraryImport("libc", EntryPoint = "setrlimit"), SuppressGCTransition]
    private static partial int SetLimit(int resource, Limit* limit);

    [LibraryImport("libc", EntryPoint = "signal"), SuppressGCTransition]
    private static partial nint Signal(int signal, nint handler);

    [LibraryImport("libc", EntryPoint = "pthread_sigmask"), SuppressGCTransition]
    private static partial int SignalMask(int how, ulong* set, ulong* old);

    [LibraryImport("libc", EntryPoint = "prctl"), SuppressGCTransition]
    private static partial int ProcessControl(int option, nint second, nint third, nint fourth, nint fifth);

    [LibraryImport("libc", EntryPoint = "syscall"), SuppressGCTransition]
    private static partial nint SystemCall(nint number, nint first, nint second, nint third);

    [LibraryImport("libc", EntryPoint = "read"), SuppressGCTransition]
    private static partial nint Read(int fd, byte* buffer, nuint length);

    [LibraryImport("libc", EntryPoint = "write"), SuppressGCTransition]
    private static partial nint Write(int fd, byte* buffer, nuint length);

    [LibraryImport("libc", EntryPoint = "close"), SuppressGCTransition]
    private static partial int Close(int fd);

    [LibraryImport("libc", EntryPoint = "execve"), SuppressGCTransition]
    private static partial int Execute(byte* path, byte** arguments, byte** environment);
}
