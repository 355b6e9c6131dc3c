using System.Runtime.InteropServices;
using CocoGuest.Linux;
using CocoGuest.Linux.Processes;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Fences;
using CocoGuest.Machine.Files;
using CocoGuest.Supervisor.Files;
using CocoGuest.Supervisor.Processes;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Supervisor.Calls;

/// <summary>
/// epoll_ctl of files that the host's kernel takes for always ready: dma-bufs, ready as their fences say (S-BUF-13), and DRM nodes, never
/// ready here. A <see cref="PollStandIn"/> goes into the program's own set, and everything else (waiting, one shot, nested sets, the data
/// word) is the kernel's.
/// </summary>
/// <remarks>
/// <para>The kernel knows an entry by open file and number. So there is one stand-in for each pair, the same in all sets and in children
/// that share a set: the kernel itself finds that an entry is there already, or is not. It goes with the last reference on the file.</para>
/// <para>Does not model: one number in several sets, some of them edge-triggered (the last registration decides for all); an
/// edge that another poll of the same buffer causes; that a buffer which an epoll_wait has looked at lives until its fence signals.</para>
/// </remarks>
internal sealed unsafe class EpollCalls(HandlerContext context) : IDisposable
{
    private const uint EdgeTriggered = 1u << 31;
    private const uint Exclusive = 1u << 28;

    // EPOLLRDNORM and its kin, which a socket has and a dma-buf has not.
    private const uint SocketsOnly = 0x40 | 0x80 | 0x100 | 0x200 | 0x400;
    private readonly Dictionary<(EmulatedFile File, int Fd), PollStandIn> _standIns = [];

    /// <summary>Waits, without the lock, for the memory that holds the registration.</summary>
    public static bool Prepare(StoppedCall call)
    {
        call.Memory.Touch(call[3], (ulong)sizeof(EpollEvent));
        return true;
    }

    /// <summary>Handles epoll_ctl.</summary>
    public void Handle(StoppedCall call)
    {
        int fd = call.Int(2);
        if (context.FileAt(call, fd) is not { Machine: { Kind: FileKind.DmaBuf or FileKind.DrmNode } machine } file)
        {
            call.Continue(); // without a poll of its own: EPERM, as the host's kernel says of a memfd
            return;
        }

        if (context.Ours(call, fd) is not { } ours)
        {
            return;
        }

        EpollEvent registration = default;
        bool deletes = call.Int(1) == Libc.EpollCtlDel;
        if (!deletes && !call.Memory.TryRead(call[3], MemoryMarshal.AsBytes(new Span<EpollEvent>(ref registration))))
        {
            call.Fail(Errno.EFAULT);
            return;
        }

        using SafeFileHandle? set = PidFd.TakeFd(ours.Process.Handle, call.Int(0));
        if (set is null)
        {
            call.Fail(Errno.EBADF);
            return;
        }

        PollStandIn standIn = StandInOf(file, fd, machine);
        if (!deletes)
        {
            Look(ours.Process, fd, registration.Events);
            standIn.Renew((registration.Events & EdgeTriggered) != 0);
        }

        registration.Events &= (registration.Events & Exclusive) != 0 ? uint.MaxValue : ~SocketsOnly;
        call.End(Libc.EpollCtl(set, call.Int(1), standIn.Handle, &registration) == 0
            ? null : ((Errno)Marshal.GetLastPInvokeError()).AsFailure("epoll_ctl", "fd"));
    }

    /// <summary>A file is gone, and with it its entries.</summary>
    public void Forget(EmulatedFile file)
    {
        foreach (((EmulatedFile File, int Fd) key, PollStandIn standIn) in _standIns.Where(s => s.Key.File == file).ToArray())
        {
            _standIns.Remove(key);
            standIn.Dispose();
        }
    }

    public void Dispose()
    {
        foreach (PollStandIn standIn in _standIns.Values)
        {
            standIn.Dispose();
        }
    }

    private PollStandIn StandInOf(EmulatedFile file, int fd, NativeFile machine)
    {
        if (!_standIns.TryGetValue((file, fd), out PollStandIn? standIn))
        {
            _standIns.Add((file, fd), standIn = new PollStandIn());
            if (machine.Kind == FileKind.DmaBuf)
            {
                standIn.Following = context.Guest.Natives.Follow(machine, standIn.Change);
            }
            else
            {
                standIn.Change(PollEvents.None);
            }
        }

        return standIn;
    }

    // The kernel polls what is registered, which queues callbacks that keep the buffer (S-BUF-13).
    private void Look(SupervisedProcess process, int fd, uint events)
    {
        var entry = new PollEntry(fd, (PollEvents)events & (PollEvents.In | PollEvents.Out));
        context.Guest.Fences.Poll(process.Machine, [entry], TimeSpan.Zero);
    }
}
