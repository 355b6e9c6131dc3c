using System.ComponentModel;
using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using CocoGuest.Linux;
using CocoGuest.Linux.Events;
using CocoGuest.Linux.Processes;
using CocoGuest.Linux.Sockets;
using CocoGuest.Supervisor.Seccomp;
using CocoGuest.Supervisor.Target;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Supervisor.Launch;

/// <summary>
/// The processes between coco and the program, as coco sees them: guard, keeper, and how they are told to start the program.
/// </summary>
/// <remarks>
/// <para>coco forks the guard, which forks the keeper, which forks the program's first process. None of them executes anything before the
/// program, so nothing stands between what coco was started with and what the program gets, and a run needs one start of the runtime.
/// </para>
/// <para>A child of fork has one thread: nobody there collects garbage or compiles. So every native function that they call is called
/// once before, which binds it; they make no objects; and native calls change no state of the runtime. Their code is compiled before,
/// once and for all: what coco compiles anew, when it has called it often enough, is reached by a cell in memory that they share with
/// coco, and lies where only coco has memory. So whatever they call has AggressiveOptimization. They are best forked first of all, when
/// this process has no other thread that is in the middle of anything: from then on coco talks to them by memory that they share and by
/// sockets.</para>
/// <para>Statuses: the keeper tells how the program ended before it does anything else, then ends what is left and tells how much that
/// was. The guard ends when the keeper has. So when the guard has ended, nothing is left but what coco itself finds below it.</para>
/// </remarks>
internal sealed unsafe class Keepers : IDisposable
{
    /// <summary>What an ended keeper leaves of the program's status: it was killed, by the guard or by coco.</summary>
    private const int Killed = Libc.Sigkill;

    private const int FixedRoom = 4 << 20;

    private static readonly Type[] InChildren =
        [typeof(BareTree), typeof(BareCalls), typeof(Guard), typeof(Keeper), typeof(ProgramStart), typeof(PollFd), typeof(KeeperWord)];

    private static Keepers? _early;

    private readonly SharedMemory _memory;
    private readonly Household* _house;
    private readonly TreeRoom* _room;
    private readonly SafeFileHandle _launch;
    private readonly SafeFileHandle _keeper;
    private readonly SafeFileHandle _guard;
    private readonly int _guardPid;
    private bool _guardEnded;

    // To run the program is all that this process does.
    private bool _isAll;

    private Keepers()
    {
        int strings = StartState.Own.Words.Concat(StartState.Own.Variables).Sum(s => s.Length + (2 * sizeof(long)));
        _memory = new SharedMemory((nuint)(FixedRoom + (4 * strings)));
        _house = (Household*)_memory.Take(sizeof(Household));
        _room = BareTree.MakeRoom();
        (_launch, SafeFileHandle launch) = FdChannel.Create();
        (_keeper, SafeFileHandle keeper) = SocketPair.Create(Libc.SockSeqpacket);
        (_guard, SafeFileHandle guard) = SocketPair.Create(Libc.SockSeqpacket);
        using (launch)
        using (keeper)
        using (guard)
        {
            _house->LaunchOurs = Number(_launch);
            _house->LaunchTheirs = Number(launch);
            _house->KeeperOurs = Number(_keeper);
            _house->KeeperTheirs = Number(keeper);
            _house->GuardOurs = Number(_guard);
            _house->GuardTheirs = Number(guard);
            _house->GuardName = _memory.String("coco-guard"u8);
            _house->KeeperName = _memory.String("coco-keeper"u8);
            _house->Room = _room;
            if (RunGroup.Make() is { } group)
            {
                _room->Group = _memory.String(Encoding.UTF8.GetBytes(group));
                _room->GroupKill = _memory.String(Encoding.UTF8.GetBytes(RunGroup.KillOf(group)));
                _house->GroupEntry = _memory.String(Encoding.UTF8.GetBytes(RunGroup.EntryOf(group)));
            }

            Bind(_room);
            // Orphans come here when guard and keeper are gone.
            _ = Libc.Prctl(Libc.PrSetChildSubreaper, 1, 0, 0, 0);
            _guardPid = Guard.Fork(_house);
        }

        if (_guardPid < 0)
        {
            int error = *BareLibc.ErrnoLocation();
            Dispose();
            throw new Win32Exception(error);
        }
    }

    /// <summary>The keeper's pid: the program's processes are below it.</summary>
    public int KeeperPid { get; private set; }

    /// <summary>Readable or hung up once the program has ended.</summary>
    public SafeFileHandle Ended => _keeper;

    /// <summary>Forks them before there is anything else.</summary>
    /// <returns>Null, or why they cannot be, in a sentence.</returns>
    public static string? ForkEarly()
    {
        try
        {
            _early = new Keepers { _isAll = true };
            return null;
        }
        catch (Exception e) when (e is Win32Exception or OutOfMemoryException)
        {
            return $"the system has no process or memory left for the program: {e.Message}";
        }
    }

    /// <summary>Those that were forked early, or others.</summary>
    public static Keepers Take()
    {
        Keepers keepers = _early ?? new Keepers();
        _early = null;
        return keepers;
    }

    /// <summary>Starts the program, but for its first instruction: see <see cref="Go"/>.</summary>
    /// <param name="program">Its words.</param>
    /// <param name="path">Where it is.</param>
    /// <param name="range">Its fds.</param>
    /// <param name="rules">Which calls its filter stops.</param>
    /// <param name="traceable">Whether somebody who is no ancestor will read the program's memory.</param>
    public void Start(IReadOnlyList<byte[]> program, byte[] path, FdRange range, IReadOnlyList<FilterRule> rules, bool traceable)
    {
        StartState state = StartState.Own;
        FilterProgram.Instruction[] filter = FilterProgram.Compile(rules, range.Floor);
        _house->Filter = (SockFprog*)_memory.Take(sizeof(SockFprog));
        _house->Filter->Len = (ushort)filter.Length;
        _house->Filter->Filter = _memory.Values<FilterProgram.Instruction>(filter);
        _house->Files = new RLimit { Cur = (ulong)range.Limit, Max = Math.Max(state.Files.Max, (ulong)range.Limit) };
        _house->Traceable = traceable;
        _house->Blocked = state.Blocked;
        _house->Ignored = state.Ignored;
        _house->DeathSignal = state.DeathSignal;
        _house->Program = _memory.String(path);
        _house->Arguments = _memory.Strings(program);
        _house->Shell = ProgramFile.IsElf(path) ? null : _memory.Strings(["/bin/sh"u8.ToArray(), path, .. program.Skip(1)]);
        _house->Environment = _memory.Strings(state.Variables);
        _house->Complaints = _memory.Strings([.. Enumerable.Range(0, ProgramStart.MostErrno).Select(error => Complaint(path, error))]);
        SignalRelay.Start(HandOn);
        if (_isAll)
        {
            CloseInherited();
            LeaveStreams();
        }

        Tell(new KeeperWord { What = KeeperWord.Start });
    }

    /// <summary>The listener of the program's filter, which the first process sends. Null: it could not be started, and said why.</summary>
    /// <exception cref="Win32Exception">The system has no process for it.</exception>
    public SafeFileHandle? ReceiveListener()
    {
        // The keeper's first word comes before the program's.
        if (Hear() is not { What: KeeperWord.Hello } hello)
        {
            throw new Win32Exception(Libc.Eagain);
        }

        KeeperPid = hello.Number;
        return FdChannel.Receive(_launch);
    }

    /// <summary>Its calls are answered from now on: it begins.</summary>
    public void Go() => FdChannel.Go(_launch);

    /// <summary>Waits until the program has ended, and all that it left.</summary>
    /// <returns>Its exit status, 128 and the signal's number if one ended it; and how many processes it left.</returns>
    /// <exception cref="Win32Exception">The system had no process for it.</exception>
    public (int Status, int Left) WaitForEnd()
    {
        int status = Killed;
        int left = 0;
        while (Hear() is { } word)
        {
            switch (word.What)
            {
                case KeeperWord.NoProcess:
                    throw new Win32Exception(word.Number);
                case KeeperWord.Ended:
                    status = word.Number;
                    break;
                case KeeperWord.Swept:
                    left = word.Number;
                    break;
            }
        }

        return (WaitStatus.ExitStatusOf(status), left + EndGuard());
    }

    /// <summary>Ends the program, and all that it left, now.</summary>
    public void End()
    {
        _keeper.Dispose();
        _guard.Dispose();
        _ = EndGuard();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _launch.Dispose();
        End();
        _memory.Dispose();
        BareTree.Free(_room);
    }

    private static byte[] Complaint(byte[] path, int error) =>
        [.. "coco run: "u8, .. path, .. Encoding.UTF8.GetBytes($" cannot be run: {Marshal.GetPInvokeErrorMessage(error)}.\n")];

    [UnconditionalSuppressMessage("Trimming", "IL2070", Justification = "What is compiled ahead of time needs no preparation.")]
    private static void Bind(TreeRoom* room)
    {
        RLimit limit;
        _ = BareLibc.Getrlimit(Libc.RlimitNofile, &limit);
        _ = BareLibc.Setrlimit(Libc.RlimitNofile, &limit);
        _ = BareLibc.Syscall(CallNumber.Getpid, 0, 0, 0, 0, 0, 0);
        _ = *BareLibc.ErrnoLocation();
        _ = ScmRights.SendBare(-1, -1);
        BareTree.Bind(room);
        const BindingFlags all =
            BindingFlags.Static | BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;
        // What the compiler does not call at once it calls by a stub, which is made at the first call, or here.
        foreach (MethodInfo function in typeof(BareLibc).GetMethods(all))
        {
            Marshal.Prelink(function);
        }

        foreach (MethodInfo method in InChildren.SelectMany(type => type.GetMethods(all)))
        {
            RuntimeHelpers.PrepareMethod(method.MethodHandle);
        }
    }

    // What the program closes is closed, for those at the other end: coco has no use for what it inherited, and all that the runtime
    // opens is closed by exec.
    private static void CloseInherited()
    {
        const int firstOther = 3;
        int self = Environment.ProcessId;
        foreach (int fd in ProcFolder.FdsOf(self).Where(fd => fd >= firstOther && !ProcFolder.IsCloseOnExec(self, fd)))
        {
            _ = Libc.Close(fd);
        }
    }

    // Likewise its input and output, of which the runtime has duplicates; errors and reports go to stderr.
    private static void LeaveStreams()
    {
        int self = Environment.ProcessId;
        string?[] streams = [.. Enumerable.Range(0, 3).Select(fd => ProcFolder.LinkOf(self, $"fd/{fd}"))];
        int[] left =
        [
            0, 1,
            .. ProcFolder.FdsOf(self).Where(fd => fd > 2 && ProcFolder.LinkOf(self, $"fd/{fd}") is { } link
                && (link == streams[0] || link == streams[1]) && link != streams[2]),
        ];
        fixed (byte* name = "/dev/null\0"u8)
        {
            using var nothing = new SafeFileHandle(Libc.Open(name, Libc.ORdwr | Libc.OCloexec), ownsHandle: true);
            foreach (int fd in left.Where(fd => fd != Number(nothing)))
            {
                _ = BareLibc.Syscall(CallNumber.Dup2, Number(nothing), fd, 0, 0, 0, 0);
            }

            if (Number(nothing) <= 1)
            {
                nothing.SetHandleAsInvalid();
            }
        }
    }

    private static int Number(SafeFileHandle file)
    {
        // Its owner lives as long as the number is used.
        return (int)file.DangerousGetHandle();
    }

    private void HandOn(SignalNote note) => Tell(new KeeperWord
    {
        What = KeeperWord.Signal,
        Number = note.Signal,
        Code = note.Code,
        Pid = note.Pid,
        Uid = note.Uid,
        Value = note.Value,
    });

    // A keeper that is gone, or does not listen any more, needs no word.
    private void Tell(KeeperWord word)
    {
        try
        {
            _ = Libc.Send(_keeper, &word, (nuint)sizeof(KeeperWord), Libc.MsgNosignal | Libc.MsgDontwait);
        }
        catch (ObjectDisposedException)
        {
        }
    }

    private KeeperWord? Hear()
    {
        KeeperWord word;
        nint count;
        do
        {
            count = Libc.Recv(_keeper, &word, (nuint)sizeof(KeeperWord), 0);
        }
        while (count < 0 && IsNoAnswer(Marshal.GetLastPInvokeError()));

        return count == sizeof(KeeperWord) ? word : null;
    }

    // A keeper that ended with words of coco's unread, such as a signal that the program ended of, too, leaves ECONNRESET in front of what
    // it said; that is told once.
    private static bool IsNoAnswer(int errno) => errno is Libc.Eintr or Libc.Econnreset;

    // The guard ends by itself when the keeper has ended or coco's end of its socket is closed. What is below coco then was left by both.
    private int EndGuard()
    {
        if (_guardEnded || _guardPid <= 0)
        {
            return 0;
        }

        _guardEnded = true;
        int status;
        while (Libc.Waitpid(_guardPid, &status, 0) < 0 && Marshal.GetLastPInvokeError() == Libc.Eintr)
        {
        }

        return BareTree.End(_room);
    }
}
