using System.Collections;
using System.Runtime.InteropServices;
using CocoGuest.Supervisor.Seccomp;

namespace CocoGuest.Supervisor.Launch;

/// <summary>
/// The program's own first moments: this process puts the filter on, sends the listener to the supervisor, and becomes the program.
/// </summary>
/// <remarks>
/// Between the filter and exec, each call of the filter's list waits for a supervisor that has no listener yet. So every native function is
/// called once before, which binds it (that opens files), and all memory that exec needs is made before. Only this thread has the filter;
/// exec ends the others.
/// </remarks>
internal static unsafe partial class Launcher
{
    private const int NotFound = 127;
    private const int NotExecutable = 126;
    private const int SetNoNewPrivileges = 38;
    private const int SetParentDeathSignal = 1;
    private const int SetTracer = 0x59616d61;
    private const nint AnyTracer = -1;
    private const int Kill = 9;
    private const int BrokenPipe = 13;
    private const int OpenFiles = 7;
    private const int UnblockAll = 2;
    private const nint SeccompCall = 317;
    private const nint SetModeFilter = 1;
    private const nint NewListener = 8;
    private const nint WaitKillable = 32;
    private const int InvalidArgument = 22;
    private const int NoExec = 8;
    private const int Busy = 16;
    private const int SignalSetWords = 16;

    /// <summary>Does not come back unless the program cannot be started: then an exit status as a shell gives, and a sentence on stderr.</summary>
    public static int Run(LaunchSpec spec)
    {
        if (ProgramFile.Find(spec.Program[0], Environment.GetEnvironmentVariable("PATH")) is not { } path)
        {
            Console.Error.WriteLine($"coco run: {spec.Program[0]}: no such program.");
            return NotFound;
        }

        FilterProgram.Instruction[] filter = FilterProgram.Compile(FilterRules.For(spec.Strict), spec.Floor);
        byte** arguments = Strings(spec.Program);
        // What the kernel does not know how to start, a shell may: as execvp does.
        byte** shell = ProgramFile.IsElf(path) ? null : Strings(["/bin/sh", path, .. spec.Program.Skip(1)]);
        byte** environment = Strings(Variables());
        byte* program = (byte*)Marshal.StringToCoTaskMemUTF8(path);
        Bind(spec.Channel);
        fixed (FilterProgram.Instruction* instructions = filter)
        {
            var code = new FilterCode { Length = (ushort)filter.Length, Instructions = instructions };
            int error = Become(spec, &code, program, arguments, shell, environment);
            Console.Error.WriteLine($"coco run: {path} cannot be run: {Marshal.GetPInvokeErrorMessage(error)}.");
            return error == Busy ? 1 : NotExecutable;
        }
    }

    private static int Become(LaunchSpec spec, FilterCode* code, byte* program, byte** arguments, byte** shell, byte** environment)
    {
        var limit = new Limit { Soft = (ulong)spec.Limit, Hard = (ulong)spec.Limit };
        Limit old = default;
        if (GetLimit(OpenFiles, &old) == 0)
        {
            limit.Hard = Math.Max(old.Hard, limit.Soft);
        }

        ulong* none = stackalloc ulong[SignalSetWords];
        _ = SetLimit(OpenFiles, &limit);
        // The runtime ignores it for itself; a program starts with the default.
        _ = Signal(BrokenPipe, 0);
        _ = SignalMask(UnblockAll, none, null);
        _ = ProcessControl(SetParentDeathSignal, Kill, 0, 0, 0);
        if (spec.Traceable)
        {
            // Where Yama lets only ancestors trace. It holds for this process, not for its children.
            _ = ProcessControl(SetTracer, AnyTracer, 0, 0, 0);
        }

        if (ProcessControl(SetNoNewPrivileges, 1, 0, 0, 0) != 0)
        {
            return Marshal.GetLastPInvokeError();
        }

        nint listener = SystemCall(SeccompCall, SetModeFilter, NewListener | WaitKillable, (nint)code);
        if (listener < 0 && Marshal.GetLastPInvokeError() == InvalidArgument)
        {
            listener = SystemCall(SeccompCall, SetModeFilter, NewListener, (nint)code); // before Linux 5.19
        }

        if (listener < 0)
        {
            return Marshal.GetLastPInvokeError();
        }

        byte go = 0;
        if (FdChannel.SendRaw(spec.Channel, (int)listener) != 0 || Read(spec.Channel, &go, 1) != 1)
        {
            return Busy;
        }

        _ = Close((int)listener);
        _ = Close(spec.Channel);
        _ = Execute(program, arguments, environment);
        int error = Marshal.GetLastPInvokeError();
        if (error == NoExec && shell is not null)
        {
            _ = Execute(shell[0], shell, environment);
        }

        return error;
    }

    private static void Bind(int channel)
    {
        Limit limit = default;
        byte none = 0;
        ulong* mask = stackalloc ulong[SignalSetWords];
        _ = GetLimit(OpenFiles, &limit);
        _ = SetLimit(OpenFiles, &limit);
        _ = Signal(BrokenPipe, 1);
        _ = SignalMask(0, mask, null);
        _ = ProcessControl(-1, 0, 0, 0, 0);
        _ = SystemCall(SeccompCall, -1, 0, 0);
        _ = FdChannel.SendRaw(-1, channel);
        _ = Read(-1, &none, 0);
        _ = Close(-1);
        _ = Execute(&none, null, null);
        _ = Marshal.GetLastPInvokeError();
    }

    private static string[] Variables() =>
        [.. Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().Select(e => $"{e.Key}={e.Value}")];

    private static byte** Strings(IReadOnlyList<string> strings)
    {
        var table = (byte**)NativeMemory.AllocZeroed((nuint)strings.Count + 1, (nuint)sizeof(byte*));
        for (int i = 0; i < strings.Count; i++)
        {
            table[i] = (byte*)Marshal.StringToCoTaskMemUTF8(strings[i]);
        }

        return table;
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

    [LibraryImport("libc", EntryPoint = "getrlimit", SetLastError = true)]
    private static partial int GetLimit(int resource, Limit* limit);

    [LibraryImport("libc", EntryPoint = "setrlimit", SetLastError = true)]
    private static partial int SetLimit(int resource, Limit* limit);

    [LibraryImport("libc", EntryPoint = "signal", SetLastError = true)]
    private static partial nint Signal(int signal, nint handler);

    [LibraryImport("libc", EntryPoint = "pthread_sigmask", SetLastError = true)]
    private static partial int SignalMask(int how, ulong* set, ulong* old);

    [LibraryImport("libc", EntryPoint = "prctl", SetLastError = true)]
    private static partial int ProcessControl(int option, nint second, nint third, nint fourth, nint fifth);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint SystemCall(nint number, nint first, nint second, nint third);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint Read(int fd, byte* buffer, nuint length);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int fd);

    [LibraryImport("libc", EntryPoint = "execve", SetLastError = true)]
    private static partial int Execute(byte* path, byte** arguments, byte** environment);
}
