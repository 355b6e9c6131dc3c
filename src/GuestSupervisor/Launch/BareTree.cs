using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using CocoGuest.Linux;

namespace CocoGuest.Supervisor.Launch;

/// <summary>
/// Ends everything below a process that is a subreaper, so that orphans are below it, too. May run in a child of fork: it calls the kernel
/// and nothing else (<see cref="Keepers"/> says what that takes).
/// </summary>
/// <remarks>
/// <para>Who forks and ends is never met by somebody who kills one process after the other and waits for each. So everybody is stopped
/// first, at the moment in which he is seen, those without a parent before all others, until a look finds nobody new; only then they are
/// killed. A child of a process that has been stopped or killed is either there already or will not be: fork starts again where a signal
/// is pending.</para>
/// <para>Where the run has a control group of its own (<see cref="RunGroup"/>), the kernel kills who is in it, all at once, before anybody
/// is looked for.</para>
/// <para>Whoever may not be signalled (he changed his user) is left, as a shell leaves him.</para>
/// </remarks>
internal static unsafe class BareTree
{
    private const int MostPids = 1 << 22; // PID_MAX_LIMIT
    private const int RoomForEntries = 32768;
    private const int RoomForNumbers = 4096;
    private const int RoomForLine = 1024;
    private const int RoomForPath = 128;
    private const int NoHang = 1;
    private const int WriteOnly = 1;
    private const int FirstInFirstOut = 1;
    private const int Millisecond = 1;

    /// <summary>Makes the memory.</summary>
    public static TreeRoom* MakeRoom()
    {
        var room = (TreeRoom*)NativeMemory.AllocZeroed((nuint)sizeof(TreeRoom));
        // Zero pages that nobody touches cost nothing.
        room->Pids = (int*)NativeMemory.AllocZeroed(MostPids, sizeof(int));
        room->Seen = (ulong*)NativeMemory.AllocZeroed(MostPids / 8);
        room->Entries = (byte*)NativeMemory.AllocZeroed(RoomForEntries);
        room->Numbers = (byte*)NativeMemory.AllocZeroed(RoomForNumbers);
        room->Line = (byte*)NativeMemory.AllocZeroed(RoomForLine);
        room->Path = (byte*)NativeMemory.AllocZeroed(RoomForPath);
        return room;
    }

    /// <summary>Calls once what a child of fork could not bind.</summary>
    public static void Bind(TreeRoom* room) => _ = IsOver(room, Environment.ProcessId);

    /// <summary>Gives it back.</summary>
    public static void Free(TreeRoom* room)
    {
        NativeMemory.Free(room->Pids);
        NativeMemory.Free(room->Seen);
        NativeMemory.Free(room->Entries);
        NativeMemory.Free(room->Numbers);
        NativeMemory.Free(room->Line);
        NativeMemory.Free(room->Path);
        NativeMemory.Free(room);
    }

    /// <summary>Nobody but those who are to be ended has to be quick from here on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Hurry()
    {
        // Where it is not allowed, the others are as quick.
        int priority = 1;
        _ = BareLibc.Syscall(CallNumber.SchedSetscheduler, 0, FirstInFirstOut, (nint)(&priority), 0, 0, 0);
    }

    /// <summary>Ends them all and takes their statuses.</summary>
    /// <returns>How many there were.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int End(TreeRoom* room)
    {
        int self = (int)BareLibc.Syscall(CallNumber.Getpid, 0, 0, 0, 0, 0, 0);
        int ended = KillGroup(room, self);
        while (true)
        {
            int fresh;
            do
            {
                fresh = 0;
                int orphans;
                do
                {
                    room->Count = 0;
                    orphans = StopChildren(room, self);
                    fresh += orphans;
                }
                while (orphans != 0);
                for (int next = 0; next < room->Count; next++)
                {
                    fresh += StopChildren(room, room->Pids[next]);
                }

                ended += fresh;
            }
            while (fresh != 0);

            int living = 0;
            for (int i = 0; i < room->Count; i++)
            {
                if (Signal(room->Pids[i], Libc.Sigkill) && !IsOver(room, room->Pids[i]))
                {
                    living++;
                }
            }

            bool reaped = false;
            while (BareLibc.Syscall(CallNumber.Wait4, -1, 0, NoHang, 0, 0, 0) > 0)
            {
                reaped = true;
            }

            if (living == 0 && !reaped)
            {
                _ = BareLibc.Syscall(CallNumber.Rmdir, (nint)room->Group, 0, 0, 0, 0, 0);
                return ended;
            }

            if (!reaped)
            {
                _ = BareLibc.Syscall(CallNumber.Poll, 0, 0, Millisecond, 0, 0, 0);
            }
        }
    }

    // One look counts who is there; then the kernel kills them all, but for those that left the group.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int KillGroup(TreeRoom* room, int self)
    {
        if (room->GroupKill is null)
        {
            return 0;
        }

        room->Count = 0;
        int seen = StopChildren(room, self);
        for (int next = 0; next < room->Count; next++)
        {
            seen += StopChildren(room, room->Pids[next]);
        }

        byte one = (byte)'1';
        int file = (int)BareLibc.Syscall(CallNumber.Open, (nint)room->GroupKill, WriteOnly | Libc.OCloexec, 0, 0, 0, 0);
        _ = BareLibc.Syscall(CallNumber.Write, file, (nint)(&one), 1, 0, 0, 0);
        Close(file);
        return seen;
    }

    // The children of all threads of a process. Returns how many of them live and were not seen before.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int StopChildren(TreeRoom* room, int pid)
    {
        byte* end = Append(Append(room->Path, "/proc/"u8), pid);
        end = Append(end, "/task/"u8);
        *end = 0;
        int tasks = Open(room->Path);
        if (tasks < 0)
        {
            return 0;
        }

        int fresh = 0;
        nint length;
        while ((length = BareLibc.Syscall(CallNumber.Getdents64, tasks, (nint)room->Entries, RoomForEntries, 0, 0, 0)) > 0)
        {
            // struct linux_dirent64: inode, offset, length of the entry, type, name.
            for (nint at = 0; at < length; at += *(ushort*)(room->Entries + at + 16))
            {
                byte* name = room->Entries + at + 19;
                if (*name is >= (byte)'0' and <= (byte)'9')
                {
                    byte* to = end;
                    while (*name != 0)
                    {
                        *to++ = *name++;
                    }

                    *Append(to, "/children"u8) = 0;
                    fresh += StopListed(room);
                }
            }
        }

        Close(tasks);
        return fresh;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int StopListed(TreeRoom* room)
    {
        int list = Open(room->Path);
        if (list < 0)
        {
            return 0;
        }

        int fresh = 0;
        int pid = 0;
        nint length;
        while ((length = BareLibc.Syscall(CallNumber.Read, list, (nint)room->Numbers, RoomForNumbers, 0, 0, 0)) > 0)
        {
            for (nint i = 0; i < length; i++)
            {
                byte digit = room->Numbers[i];
                if (digit is >= (byte)'0' and <= (byte)'9')
                {
                    pid = (pid * 10) + (digit - '0');
                }
                else if (pid != 0)
                {
                    fresh += Stop(room, pid) ? 1 : 0;
                    pid = 0;
                }
            }
        }

        Close(list);
        return fresh;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool Stop(TreeRoom* room, int pid)
    {
        if (pid >= MostPids || room->Count >= MostPids)
        {
            return false;
        }

        room->Pids[room->Count++] = pid;
        ulong* word = room->Seen + (pid / 64);
        ulong bit = 1ul << (pid % 64);
        if ((*word & bit) != 0)
        {
            return false;
        }

        *word |= bit;
        return Signal(pid, Libc.Sigstop) && !IsOver(room, pid);
    }

    // One whose first thread is over is over only if there is no other.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool IsOver(TreeRoom* room, int pid)
    {
        // Not in the room for paths: somebody is in the middle of one.
        byte* path = stackalloc byte[32];
        *Append(Append(Append(path, "/proc/"u8), pid), "/stat"u8) = 0;
        int file = Open(path);
        if (file < 0)
        {
            return true;
        }

        nint length = BareLibc.Syscall(CallNumber.Read, file, (nint)room->Line, RoomForLine, 0, 0, 0);
        Close(file);
        nint at = length - 1;
        while (at >= 0 && room->Line[at] != ')')
        {
            at--;
        }

        if (at < 0 || at + 2 >= length)
        {
            return true;
        }

        byte state = room->Line[at + 2];
        // The state is field 3, the count of threads 20.
        int field = 2;
        int threads = 0;
        for (nint i = at + 1; i < length; i++)
        {
            field += room->Line[i] == ' ' ? 1 : 0;
            if (field == 20 && room->Line[i] != ' ')
            {
                threads = (threads * 10) + (room->Line[i] - '0');
            }
        }

        return state is (byte)'X' or (byte)'x' || (state == 'Z' && threads <= 1);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool Signal(int pid, int signal) => BareLibc.Syscall(CallNumber.Kill, pid, signal, 0, 0, 0, 0) == 0;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Open(byte* path) => (int)BareLibc.Syscall(CallNumber.Open, (nint)path, Libc.OCloexec, 0, 0, 0, 0);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Close(int fd) => _ = BareLibc.Syscall(CallNumber.Close, fd, 0, 0, 0, 0, 0);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static byte* Append(byte* to, ReadOnlySpan<byte> text)
    {
        for (int i = 0; i < text.Length; i++)
        {
            *to++ = text[i];
        }

        return to;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static byte* Append(byte* to, int number)
    {
        int digits = 1;
        for (int rest = number / 10; rest != 0; rest /= 10)
        {
            digits++;
        }

        byte* end = to + digits;
        for (byte* at = end; at != to; number /= 10)
        {
            *--at = (byte)('0' + (number % 10));
        }

        return end;
    }
}
