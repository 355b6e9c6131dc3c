using System.Runtime.InteropServices;
using CocoGuest.Linux;
using CocoGuest.Linux.Events;
using CocoGuest.Linux.Files;
using CocoGuest.Machine.Abi;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Supervisor.Seccomp;

/// <summary>
/// The listener of a seccomp filter: stopped calls come out, answers go in, fds are put into the caller's table.
/// <para>Calls may be answered by any thread. An answer to a call that is gone (its thread was killed) is no error.</para>
/// </summary>
internal sealed unsafe class NotifyChannel : IDisposable
{
    private const nuint Receive = 0xc0502100;
    private const nuint Send = 0xc0182101;
    private const nuint CheckId = 0x40082102;
    private const nuint AddFd = 0x40182103;
    private const nuint SetFlags = 0x40082104;
    private const nuint SyncWakeUp = 1;
    private const uint ContinueFlag = 1;
    private const uint SetFdFlag = 1;
    private const uint SendFlag = 2;
    private const uint CloseOnExec = 0x80000;
    private readonly SafeFileHandle _listener;
    private readonly bool _tellsEnd;

    public NotifyChannel(SafeFileHandle listener)
    {
        _listener = listener;
        // Linux 6.11 and later: who waits for a call is told when there is nobody left to make one.
        _tellsEnd = Environment.OSVersion.Version >= new Version(6, 11);
        // Linux 6.6 and later: the woken thread runs on this CPU at once. Older kernels refuse, and nothing is lost.
        WakesOnSameCpu = Ioctl(listener, SetFlags, (void*)SyncWakeUp) == 0;
    }

    /// <summary>True where the kernel wakes caller and supervisor synchronously.</summary>
    public bool WakesOnSameCpu { get; }

    /// <summary>The listener, for poll.</summary>
    public SafeFileHandle Handle => _listener;

    /// <summary>True once no process has the filter any more.</summary>
    public bool IsOver
    {
        get
        {
            try
            {
                using var fd = new BorrowedFd(_listener);
                return HostPoll.WaitFor(fd.Number, Readiness.None, 0);
            }
            catch (ObjectDisposedException)
            {
                return true;
            }
        }
    }

    /// <summary>Waits for the next stopped call.</summary>
    /// <returns>False when there is none after all: its thread was killed or interrupted meanwhile, or <see cref="IsOver"/>.</returns>
    public bool TryReceive(out Notification notification)
    {
        notification = default;
        if (!_tellsEnd)
        {
            using var fd = new BorrowedFd(_listener);
            _ = HostPoll.WaitFor(fd.Number, Readiness.Readable, HostPoll.Infinite);
        }

        fixed (Notification* target = &notification)
        {
            while (Ioctl(_listener, Receive, target) != 0)
            {
                if (Marshal.GetLastPInvokeError() != Libc.Eintr)
                {
                    return false;
                }

                *target = default;
            }
        }

        return true;
    }

    /// <summary>True while the call still waits: what was read of its memory before was its own.</summary>
    public bool IsWaiting(ulong id) => Ioctl(_listener, CheckId, &id) == 0;

    /// <summary>The call runs in the kernel, with the arguments that it has then.</summary>
    public void Continue(ulong id) => Answer(id, 0, 0, ContinueFlag);

    /// <summary>The call returns a value.</summary>
    public void Return(ulong id, long value) => Answer(id, value, 0, 0);

    /// <summary>The call fails.</summary>
    public void Fail(ulong id, Errno errno) => Answer(id, 0, -(int)errno, 0);

    /// <summary>Puts a file into the caller's fd table at a number, in place of what is there.</summary>
    /// <returns>None, or the errno: EBADF above the caller's RLIMIT_NOFILE, ENOENT when the caller is gone.</returns>
    public Errno Inject(ulong id, SafeFileHandle file, int number, bool closeOnExec)
    {
        using var source = new BorrowedFd(file);
        var request = new AddFdRequest
        {
            Id = id,
            Flags = SetFdFlag,
            Source = (uint)source.Number,
            Target = (uint)number,
            NewFlags = closeOnExec ? CloseOnExec : 0,
        };
        return Add(&request);
    }

    /// <summary>Puts a file at the lowest free number and lets the call return that number.</summary>
    public Errno InjectAndReturn(ulong id, SafeFileHandle file, bool closeOnExec)
    {
        using var source = new BorrowedFd(file);
        var request = new AddFdRequest
        {
            Id = id,
            Flags = SendFlag,
            Source = (uint)source.Number,
            NewFlags = closeOnExec ? CloseOnExec : 0,
        };
        return Add(&request);
    }

    public void Dispose() => _listener.Dispose();

    private static int Ioctl(SafeFileHandle file, nuint command, void* argument)
    {
        using var fd = new BorrowedFd(file);
        return Libc.Ioctl(fd.Number, command, argument);
    }

    private Errno Add(AddFdRequest* request) =>
        Ioctl(_listener, AddFd, request) >= 0 ? Errno.None : (Errno)Marshal.GetLastPInvokeError();

    private void Answer(ulong id, long value, int error, uint flags)
    {
        var answer = new Response { Id = id, Value = value, Error = error, Flags = flags };
        while (Ioctl(_listener, Send, &answer) != 0 && Marshal.GetLastPInvokeError() == Libc.Eintr)
        {
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Response
    {
        public ulong Id;
        public long Value;
        public int Error;
        public uint Flags;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct AddFdRequest
    {
        public ulong Id;
        public uint Flags;
        public uint Source;
        public uint Target;
        public uint NewFlags;
    }
}
