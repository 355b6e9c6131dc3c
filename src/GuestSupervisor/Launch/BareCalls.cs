using System.Runtime.CompilerServices;
using CocoGuest.Linux;

namespace CocoGuest.Supervisor.Launch;

/// <summary>What guard, keeper and the program's first process do alike. Calls the kernel and nothing else.</summary>
internal static unsafe class BareCalls
{
    private const int LastSignal = 64;
    private const int BytesOfSet = 8;
    private const int SendNoSignal = 0x4000;
    private const int DontWait = 0x40;

    /// <summary>struct sigaction of the kernel: handler, flags, restorer, mask.</summary>
    private const int WordsOfAction = 4;

    /// <summary>Blocks all signals of this thread.</summary>
    /// <returns>Those that were blocked.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static ulong BlockSignals() => SetBlocked(ulong.MaxValue);

    /// <summary>Blocks these signals, bit N − 1 for signal N, and no other.</summary>
    /// <returns>Those that were blocked.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static ulong SetBlocked(ulong set)
    {
        ulong old = 0;
        _ = BareLibc.Syscall(CallNumber.RtSigprocmask, Libc.SigSetmask, (nint)(&set), (nint)(&old), BytesOfSet, 0, 0);
        return old;
    }

    /// <summary>Ignores these signals; all others do what they do by default.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void SetIgnored(ulong set)
    {
        nint* action = stackalloc nint[WordsOfAction];
        action[1] = action[2] = action[3] = 0;
        for (int signal = 1; signal <= LastSignal; signal++)
        {
            action[0] = (nint)(set >> (signal - 1) & 1);
            _ = BareLibc.Syscall(CallNumber.RtSigaction, signal, (nint)action, 0, BytesOfSet, 0, 0);
        }
    }

    /// <summary>An fd that signals are read from.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int OpenSignals(ulong set) =>
        (int)BareLibc.Syscall(CallNumber.Signalfd4, -1, (nint)(&set), BytesOfSet, Libc.OCloexec | Libc.ONonblock, 0, 0);

    /// <summary>Closes an fd.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Close(int fd) => _ = BareLibc.Syscall(CallNumber.Close, fd, 0, 0, 0, 0, 0);

    /// <summary>Closes all fds but two: what others wait for the end of is not held open here.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void CloseAllBut(int one, int other)
    {
        int low = one < other ? one : other;
        int high = one < other ? other : one;
        CloseRange(0, low - 1);
        CloseRange(low + 1, high - 1);
        CloseRange(high + 1, int.MaxValue);
    }

    /// <summary>A process becomes one that keeps others: by name, and as the one whom orphans come to.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void BecomeKeeper(byte* name)
    {
        _ = BareLibc.Syscall(CallNumber.Prctl, Libc.PrSetChildSubreaper, 1, 0, 0, 0, 0);
        _ = BareLibc.Syscall(CallNumber.Prctl, Libc.PrSetName, (nint)name, 0, 0, 0, 0);
    }

    /// <summary>Keeps no folder busy.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void LeaveFolder()
    {
        byte* root = stackalloc byte[2];
        root[0] = (byte)'/';
        root[1] = 0;
        _ = BareLibc.Syscall(CallNumber.Chdir, (nint)root, 0, 0, 0, 0, 0);
    }

    /// <summary>Tells coco a word.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Tell(int socket, int what, int number)
    {
        KeeperWord word = default;
        word.What = what;
        word.Number = number;
        _ = BareLibc.Syscall(CallNumber.Sendto, socket, (nint)(&word), sizeof(KeeperWord), SendNoSignal, 0, 0);
    }

    /// <summary>Takes a word.</summary>
    /// <returns>False: coco is gone, or, without waiting, nothing is there.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static bool Hear(int socket, KeeperWord* word, bool wait) =>
        BareLibc.Syscall(CallNumber.Recvfrom, socket, (nint)word, sizeof(KeeperWord), wait ? 0 : DontWait, 0, 0) == sizeof(KeeperWord);

    /// <summary>Ends this process.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Exit(int status) => _ = BareLibc.Syscall(CallNumber.ExitGroup, status, 0, 0, 0, 0, 0);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void CloseRange(int first, int last)
    {
        if (first <= last)
        {
            _ = BareLibc.Syscall(CallNumber.CloseRange, first, last, 0, 0, 0, 0);
        }
    }
}
