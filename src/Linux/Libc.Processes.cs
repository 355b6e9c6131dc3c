using System.Runtime.InteropServices;

namespace CocoGuest.Linux;

// unistd.h, signal.h, sys/wait.h, sys/prctl.h, sys/ptrace.h, sys/uio.h, sys/pidfd.h
internal static unsafe partial class Libc
{
    public const int PrSetPdeathsig = 1;
    public const int PrGetPdeathsig = 2;
    public const int PrSetDumpable = 4;
    public const int PrSetName = 15;
    public const int PrSetChildSubreaper = 36;
    public const int PrSetNoNewPrivs = 38;
    public const int PrSetPtracer = 0x59616d61;
    public const nint PrSetPtracerAny = -1;
    public const nint SysSeccomp = 317; // x86-64
    public const nint SeccompSetModeFilter = 1;
    public const nint SeccompFilterFlagNewListener = 8;
    public const nint SeccompFilterFlagWaitKillableRecv = 32;
    public const int RlimitNofile = 7;
    public const int Sighup = 1;
    public const int Sigint = 2;
    public const int Sigkill = 9;
    public const int Sigalrm = 14;
    public const int Sigterm = 15;
    public const int Sigchld = 17;
    public const int Sigstop = 19;
    public const int SigSetmask = 2;
    public const int SigUnblock = 1;
    public const int SaSiginfo = 4;
    public const int SaOnstack = 0x08000000;
    public const int SaRestart = 0x10000000;

    [LibraryImport(Library, EntryPoint = "getuid")]
    public static partial uint Getuid();

    [LibraryImport(Library, EntryPoint = "geteuid")]
    public static partial uint Geteuid();

    [LibraryImport(Library, EntryPoint = "getrandom", SetLastError = true)]
    public static partial nint Getrandom(byte* bytes, nuint length, uint flags);

    [LibraryImport(Library, EntryPoint = "kill", SetLastError = true)]
    public static partial int Kill(int pid, int signal);

    [LibraryImport(Library, EntryPoint = "tgkill", SetLastError = true)]
    public static partial int Tgkill(int pid, int tid, int signal);

    [LibraryImport(Library, EntryPoint = "sigaction", SetLastError = true)]
    public static partial int Sigaction(int signal, SigAction* action, SigAction* old);

    [LibraryImport(Library, EntryPoint = "waitpid", SetLastError = true)]
    public static partial int Waitpid(int pid, int* status, int options);

    [LibraryImport(Library, EntryPoint = "prctl", SetLastError = true)]
    public static partial int Prctl(int option, nint second, nint third, nint fourth, nint fifth);

    [LibraryImport(Library, EntryPoint = "ptrace", SetLastError = true)]
    public static partial nint Ptrace(nint request, nint tid, nint address, nint data);

    /// <summary>syscall: for what the library has no function for. Calls of fewer arguments ignore the rest.</summary>
    [LibraryImport(Library, EntryPoint = "syscall", SetLastError = true)]
    public static partial nint Syscall(nint number, nint first, nint second, nint third, nint fourth);

    [LibraryImport(Library, EntryPoint = "process_vm_readv", SetLastError = true)]
    public static partial nint ProcessVmReadv(int pid, IoVec* local, nuint localCount, IoVec* remote, nuint remoteCount, nuint flags);

    [LibraryImport(Library, EntryPoint = "process_vm_writev", SetLastError = true)]
    public static partial nint ProcessVmWritev(int pid, IoVec* local, nuint localCount, IoVec* remote, nuint remoteCount, nuint flags);

    [LibraryImport(Library, EntryPoint = "pidfd_open", SetLastError = true)]
    public static partial int PidfdOpen(int pid, uint flags);

    [LibraryImport(Library, EntryPoint = "pidfd_send_signal", SetLastError = true)]
    public static partial int PidfdSendSignal(int pidfd, int signal, nint info, uint flags);

    [LibraryImport(Library, EntryPoint = "pidfd_getfd", SetLastError = true)]
    public static partial int PidfdGetfd(int pidfd, int number, uint flags);
}
