using System.Runtime.CompilerServices;
using CocoGuest.Linux;
using CocoGuest.Linux.Sockets;

namespace CocoGuest.Supervisor.Launch;

/// <summary>
/// The program's first moments: a child of the keeper puts the filter on, sends the listener to coco, takes back all that runtime and
/// keeper changed between the caller and it, and becomes the program. It calls the kernel and nothing else.
/// </summary>
internal static unsafe class ProgramStart
{
    private const int NotExecutable = 126;
    private const int StandardError = 2;
    private const int NoPermission = 13;
    private const int NoExec = 8;
    private const int WriteOnly = 1;

    /// <summary>How many sentences there are in <see cref="Household.Complaints"/>.</summary>
    public const int MostErrno = 134;

    /// <summary>Does not come back.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Become(Household* house)
    {
        BareCalls.Close(house->KeeperTheirs);
        EnterGroup(house->GroupEntry);
        RLimit limit = house->Files;
        _ = BareLibc.Setrlimit(Libc.RlimitNofile, &limit);
        _ = BareLibc.Syscall(CallNumber.Prctl, Libc.PrSetPdeathsig, house->DeathSignal, 0, 0, 0, 0);
        if (house->Traceable)
        {
            // Where Yama lets only ancestors trace. It holds for this process, not for its children.
            _ = BareLibc.Syscall(CallNumber.Prctl, Libc.PrSetPtracer, Libc.PrSetPtracerAny, 0, 0, 0, 0);
        }

        byte go = 0;
        int listener = (int)PutFilterOn(house->Filter);
        if (listener >= 0)
        {
            bool sent = ScmRights.SendBare(house->LaunchTheirs, listener) == 0;
            bool served = sent && BareLibc.Syscall(CallNumber.Read, house->LaunchTheirs, (nint)(&go), 1, 0, 0, 0) == 1;
            // Of a listener that nobody has the filter does not wait: what it stops fails.
            BareCalls.Close(listener);
            if (!served)
            {
                Die();
            }

            BareCalls.Close(house->LaunchTheirs);
            BareCalls.SetIgnored(house->Ignored);
            _ = BareCalls.SetBlocked(house->Blocked);
            _ = BareLibc.Syscall(
                CallNumber.Execve, (nint)house->Program, (nint)house->Arguments, (nint)house->Environment, 0, 0, 0);
            if (house->Shell is not null && *BareLibc.ErrnoLocation() == NoExec)
            {
                // What the kernel does not know how to start, a shell may: as execvp does.
                _ = BareLibc.Syscall(
                    CallNumber.Execve, (nint)house->Shell[0], (nint)house->Shell, (nint)house->Environment, 0, 0, 0);
            }
        }

        int error = *BareLibc.ErrnoLocation();
        byte* complaint = house->Complaints[error is >= 0 and < MostErrno ? error : 0];
        nint length = 0;
        while (complaint[length] != 0)
        {
            length++;
        }

        _ = BareLibc.Syscall(CallNumber.Write, StandardError, (nint)complaint, length, 0, 0, 0);
        BareCalls.Exit(NotExecutable);
        Die();
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void EnterGroup(byte* entry)
    {
        if (entry is not null)
        {
            // 0 is who writes it.
            byte self = (byte)'0';
            int file = (int)BareLibc.Syscall(CallNumber.Open, (nint)entry, WriteOnly | Libc.OCloexec, 0, 0, 0, 0);
            _ = BareLibc.Syscall(CallNumber.Write, file, (nint)(&self), 1, 0, 0, 0);
            BareCalls.Close(file);
        }
    }

    // Who may do anything needs no no_new_privs for a filter, so set-user-id programs and file capabilities keep their meaning for root.
    // Everybody else needs it, or a set-user-id program would run with a filter of its caller's.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static nint PutFilterOn(SockFprog* filter)
    {
        nint listener = Install(filter);
        if (listener >= 0 || *BareLibc.ErrnoLocation() != NoPermission)
        {
            return listener;
        }

        _ = BareLibc.Syscall(CallNumber.Prctl, Libc.PrSetNoNewPrivs, 1, 0, 0, 0, 0);
        return Install(filter);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static nint Install(SockFprog* filter)
    {
        const nint killable = Libc.SeccompFilterFlagNewListener | Libc.SeccompFilterFlagWaitKillableRecv;
        const nint beforeLinux519 = Libc.SeccompFilterFlagNewListener;
        nint listener = BareLibc.Syscall(CallNumber.Seccomp, Libc.SeccompSetModeFilter, killable, (nint)filter, 0, 0, 0);
        return listener >= 0 || *BareLibc.ErrnoLocation() == NoPermission
            ? listener
            : BareLibc.Syscall(CallNumber.Seccomp, Libc.SeccompSetModeFilter, beforeLinux519, (nint)filter, 0, 0, 0);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Die()
    {
        _ = BareLibc.Syscall(
            CallNumber.Kill, BareLibc.Syscall(CallNumber.Getpid, 0, 0, 0, 0, 0, 0), Libc.Sigkill, 0, 0, 0, 0);
        while (true)
        {
        }
    }
}
