using System.Runtime.CompilerServices;
using CocoGuest.Linux;
using CocoGuest.Linux.Events;

namespace CocoGuest.Supervisor.Launch;

/// <summary>
/// Between coco and its keeper, in a session of its own, so that nobody who signals the program's group or session meets it: ends
/// everything below it when coco or the keeper is gone. All three are subreapers and each is above the next, so whichever one or two of
/// them are killed, what is left of the run is below the third. In a child of fork: it calls the kernel and nothing else.
/// </summary>
internal static unsafe class Guard
{
    private const int NoHang = 1;
    private const int BytesOfInfo = 128;

    /// <summary>Forks.</summary>
    /// <returns>The guard's pid; negative: there is no process for it. In the guard, and below it, it does not come back.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int Fork(Household* house)
    {
        // Handlers of the runtime must not run where there is no runtime.
        ulong blocked = BareCalls.BlockSignals();
        int guard = BareLibc.Fork();
        if (guard == 0)
        {
            Run(house);
        }

        _ = BareCalls.SetBlocked(blocked);
        return guard;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Run(Household* house)
    {
        BareCalls.Close(house->LaunchOurs);
        BareCalls.Close(house->KeeperOurs);
        BareCalls.Close(house->GuardOurs);
        BareCalls.SetIgnored(0);
        BareCalls.BecomeKeeper(house->GuardName);
        // Before the new session: keeper and program stay in the caller's, and in its terminal's foreground.
        int keeper = BareLibc.Fork();
        if (keeper == 0)
        {
            Keeper.Run(house);
        }

        _ = BareLibc.Syscall(CallNumber.Setsid, 0, 0, 0, 0, 0, 0);
        int signals = BareCalls.OpenSignals(1ul << (Libc.Sigchld - 1));
        BareCalls.CloseAllBut(house->GuardTheirs, signals);
        BareCalls.LeaveFolder();
        if (keeper > 0)
        {
            Watch(house, keeper, signals);
        }

        BareTree.Hurry();
        _ = BareTree.End(house->Room);
        BareCalls.Exit(0);
    }

    // Until coco or the keeper is gone.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Watch(Household* house, int keeper, int signals)
    {
        byte* info = stackalloc byte[BytesOfInfo];
        PollFd* fds = stackalloc PollFd[2];
        while (true)
        {
            fds[0] = new PollFd { Fd = house->GuardTheirs, Events = Readiness.None };
            fds[1] = new PollFd { Fd = signals, Events = Readiness.Readable };
            _ = BareLibc.Syscall(CallNumber.Poll, (nint)fds, 2, HostPoll.Infinite, 0, 0, 0);
            while (BareLibc.Syscall(CallNumber.Read, signals, (nint)info, BytesOfInfo, 0, 0, 0) == BytesOfInfo)
            {
            }

            int pid;
            bool keeperEnded = false;
            while ((pid = (int)BareLibc.Syscall(CallNumber.Wait4, -1, 0, NoHang, 0, 0, 0)) > 0)
            {
                keeperEnded |= pid == keeper;
            }

            if (keeperEnded || (fds[0].Revents & Readiness.HungUp) != 0)
            {
                return;
            }
        }
    }
}
