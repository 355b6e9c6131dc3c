using System.ComponentModel;
using System.Runtime.InteropServices;
using CocoGuest.Machine.Abi;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Supervisor.Files;

/// <summary>
/// What is in the program's epoll sets in place of an emulated file: one end of a socket pair, readable and writable as the file is
/// ready for POLLIN and POLLOUT. A byte from the other end makes it readable, a full buffer towards the other end makes it unwritable.
/// </summary>
/// <remarks>
/// No process has it, so the sets lose it when it is disposed, as they lose a file whose last reference is gone.
/// </remarks>
internal sealed unsafe partial class PollStandIn : IDisposable
{
    private const int UnixFamily = 1;
    private const int Stream = 1;
    private const int CloseOnExec = 0x80000;
    private const int NonBlock = 0x800;
    private const int DoNotWait = 0x40;
    private const int NoSignal = 0x4000;
    private const int SocketLevel = 1;
    private const int SendBuffer = 7;
    private const int SmallestBuffer = 4096;
    private const int FillBytes = 1024;
    private readonly SafeFileHandle _other;
    private readonly Lock _lock = new();
    private PollEvents _shown = PollEvents.Out;
    private PollEvents _ready;

    public PollStandIn()
    {
        int* ends = stackalloc int[2];
        if (SocketPair(UnixFamily, Stream | CloseOnExec | NonBlock, 0, ends) != 0)
        {
            throw new Win32Exception();
        }

        (Handle, _other) = (new SafeFileHandle(ends[0], ownsHandle: true), new SafeFileHandle(ends[1], ownsHandle: true));
        int bytes = SmallestBuffer;
        _ = SetOption(Handle, SocketLevel, SendBuffer, &bytes, sizeof(int));
    }

    /// <summary>The end that goes into the sets.</summary>
    public SafeFileHandle Handle { get; }

    /// <summary>
    /// Edge-triggered: the kernel looks at such a file again only when something that it waited for has come. So what it once was ready
    /// for, it stays, without another event, until <see cref="Renew"/>.
    /// </summary>
    public bool IsEdge { get; private set; }

    /// <summary>What ends the following of the file's fences.</summary>
    public IDisposable? Following { get; set; }

    /// <summary>The file became ready for this, and for nothing else.</summary>
    public void Change(PollEvents ready)
    {
        lock (_lock)
        {
            _ready = ready;
            Show(IsEdge ? _shown | ready : ready);
        }
    }

    /// <summary>The program registers it again: what it is ready for now counts.</summary>
    public void Renew(bool isEdge)
    {
        lock (_lock)
        {
            IsEdge = isEdge;
            Show(_ready);
        }
    }

    public void Dispose()
    {
        Following?.Dispose();
        Handle.Dispose();
        _other.Dispose();
    }

    private void Show(PollEvents ready)
    {
        byte* bytes = stackalloc byte[FillBytes];
        PollEvents change = ready ^ _shown;
        _shown = ready;
        if (change.HasFlag(PollEvents.Out) && ready.HasFlag(PollEvents.Out))
        {
            Drain(_other, bytes);
        }
        else if (change.HasFlag(PollEvents.Out))
        {
            while (Send(Handle, bytes, FillBytes, DoNotWait | NoSignal) > 0)
            {
            }
        }

        if (change.HasFlag(PollEvents.In) && ready.HasFlag(PollEvents.In))
        {
            _ = Send(_other, bytes, 1, DoNotWait | NoSignal);
        }
        else if (change.HasFlag(PollEvents.In))
        {
            Drain(Handle, bytes);
        }
    }

    private static void Drain(SafeFileHandle socket, byte* bytes)
    {
        while (Receive(socket, bytes, FillBytes, DoNotWait) > 0)
        {
        }
    }

    [LibraryImport("libc", EntryPoint = "socketpair", SetLastError = true)]
    private static partial int SocketPair(int family, int type, int protocol, int* ends);

    [LibraryImport("libc", EntryPoint = "setsockopt", SetLastError = true)]
    private static partial int SetOption(SafeFileHandle socket, int level, int option, int* value, uint length);

    [LibraryImport("libc", EntryPoint = "send", SetLastError = true)]
    private static partial nint Send(SafeFileHandle socket, byte* bytes, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "recv", SetLastError = true)]
    private static partial nint Receive(SafeFileHandle socket, byte* bytes, nuint length, int flags);
}
