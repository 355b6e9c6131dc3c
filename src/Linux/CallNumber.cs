namespace CocoGuest.Linux;

/// <summary>Numbers of system calls that a child of fork makes by <see cref="BareLibc.Syscall"/>; of x86-64.</summary>
internal static class CallNumber
{
    public const nint Read = 0;
    public const nint Write = 1;
    public const nint Open = 2;
    public const nint Close = 3;
    public const nint Poll = 7;
    public const nint RtSigaction = 13;
    public const nint RtSigprocmask = 14;
    public const nint Dup2 = 33;
    public const nint Getpid = 39;
    public const nint Sendto = 44;
    public const nint Recvfrom = 45;
    public const nint Execve = 59;
    public const nint Wait4 = 61;
    public const nint Kill = 62;
    public const nint Chdir = 80;
    public const nint Rmdir = 84;
    public const nint Setsid = 112;
    public const nint RtSigqueueinfo = 129;
    public const nint SchedSetscheduler = 144;
    public const nint Prctl = 157;
    public const nint Getdents64 = 217;
    public const nint ExitGroup = 231;
    public const nint Signalfd4 = 289;
    public const nint Seccomp = 317;
    public const nint CloseRange = 436;
}
