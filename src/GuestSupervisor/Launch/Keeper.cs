using System.Runtime.CompilerServices;
using CocoGuest.Linux;
using CocoGuest.Linux.Events;

namespace CocoGuest.Supervisor.Launch;

/// <summary>
/// The parent of the program: takes the statuses of all orphans, tells coco how the program ended, hands on signals, and ends everything
/// below it when the program has ended or coco is gone. In a child of fork: it calls the kernel and nothing else.
/// </summary>
/// <remarks>
/// A signal that a process sent to coco is meant for the program, which gets it once. What was sent to the whole process group, by a
/// terminal or by kill, the program has already: the keeper, in the same group, gets it, too, and so knows.
/// </remarks>
internal static unsafe class Keeper
{
    private const int Signals = 65;
    private const int NoHang = 1;
    private const int BytesOfInfo = 128;
    private const int WordsOfInfo = BytesOfInfo / sizeof(int);
    private const int Queued = -1;

    /// <summary>Does not come back.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(Household* house)
    {
        BareCalls.Close(house->GuardTheirs);
        BareCalls.BecomeKeeper(house->KeeperName);
        BareCalls.Tell(house->KeeperTheirs, KeeperWord.Hello, (int)BareLibc.Syscall(CallNumber.Getpid, 0, 0, 0, 0, 0, 0));
        KeeperWord word;
        if (!BareCalls.Hear(house->KeeperTheirs, &word, wait: true) || word.What != KeeperWord.Start)
        {
            BareCalls.Exit(0);
        }

        int program = BareLibc.Fork();
        if (program == 0)
        {
            ProgramStart.Become(house);
        }

        if (program < 0)
        {
            BareCalls.Tell(house->KeeperTheirs, KeeperWord.NoProcess, *BareLibc.ErrnoLocation());
            BareCalls.Exit(0);
        }

        int signals = BareCalls.OpenSignals(ulong.MaxValue);
        BareCalls.CloseAllBut(house->KeeperTheirs, signals);
        BareCalls.LeaveFolder();
        Keep(house, program, signals);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Keep(Household* house, int program, int signals)
    {
        // For each signal the process that sent it to this one, and so to the group.
        int* senders = stackalloc int[Signals];
        for (int i = 0; i < Signals; i++)
        {
            senders[i] = 0;
        }

        PollFd* fds = stackalloc PollFd[2];
        while (true)
        {
            fds[0] = new PollFd { Fd = house->KeeperTheirs, Events = Readiness.Readable };
            fds[1] = new PollFd { Fd = signals, Events = Readiness.Readable };
            _ = BareLibc.Syscall(CallNumber.Poll, (nint)fds, 2, HostPoll.Infinite, 0, 0, 0);
            TakeSignals(signals, senders);
            Reap(house, program);
            KeeperWord word;
            while (BareCalls.Hear(house->KeeperTheirs, &word, wait: false))
            {
                if (word.What == KeeperWord.Signal)
                {
                    HandOn(program, &word, senders);
                }
            }

            if ((fds[0].Revents & Readiness.HungUp) != 0)
            {
                BareTree.Hurry();
                _ = BareTree.End(house->Room);
                BareCalls.Exit(0);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void TakeSignals(int signals, int* senders)
    {
        // struct signalfd_siginfo: signal, errno, code, pid.
        int* info = stackalloc int[WordsOfInfo];
        while (BareLibc.Syscall(CallNumber.Read, signals, (nint)info, BytesOfInfo, 0, 0, 0) == BytesOfInfo)
        {
            if (info[0] is > 0 and < Signals && info[2] <= 0)
            {
                senders[info[0]] = info[3];
            }
        }
    }

    // The program's status goes to coco before anything else is done.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Reap(Household* house, int program)
    {
        int status = 0;
        int pid;
        while ((pid = (int)BareLibc.Syscall(CallNumber.Wait4, -1, (nint)(&status), NoHang, 0, 0, 0)) > 0)
        {
            if (pid == program)
            {
                BareCalls.Tell(house->KeeperTheirs, KeeperWord.Ended, status);
                BareTree.Hurry();
                BareCalls.Tell(house->KeeperTheirs, KeeperWord.Swept, BareTree.End(house->Room));
                BareCalls.Exit(0);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void HandOn(int program, KeeperWord* word, int* senders)
    {
        int signal = word->Number;
        if (signal is > 0 and < Signals && senders[signal] == word->Pid && word->Pid != 0)
        {
            senders[signal] = 0;
            return;
        }

        if (word->Code != Queued)
        {
            _ = BareLibc.Syscall(CallNumber.Kill, program, signal, 0, 0, 0, 0);
            return;
        }

        // struct siginfo: signal, errno, code, padding, pid, uid, value.
        int* info = stackalloc int[WordsOfInfo];
        for (int i = 0; i < WordsOfInfo; i++)
        {
            info[i] = 0;
        }

        info[0] = signal;
        info[2] = Queued;
        info[4] = word->Pid;
        info[5] = word->Uid;
        *(long*)(info + 6) = word->Value;
        _ = BareLibc.Syscall(CallNumber.RtSigqueueinfo, program, signal, (nint)info, 0, 0, 0);
    }
}
