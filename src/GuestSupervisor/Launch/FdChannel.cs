using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Supervisor.Launch;

/// <summary>The pair of sockets between supervisor and launcher: one fd goes one way, one byte the other.</summary>
internal static unsafe partial class FdChannel
{
    private const int UnixFamily = 1;
    private const int SequencedPackets = 5;
    private const int CloseOnExec = 0x80000;
    private const int SocketLevel = 1;
    private const int Rights = 1;
    private const int ReceiveCloseOnExec = 0x40000000;
    private const int SetFdFlags = 2;

    /// <summary>Our end, and the launcher's, which a child inherits.</summary>
    public static (SafeFileHandle Ours, SafeFileHandle Theirs) Create()
    {
        int* ends = stackalloc int[2];
        if (SocketPair(UnixFamily, SequencedPackets | CloseOnExec, 0, ends) != 0)
        {
            throw new Win32Exception();
        }

        _ = Control(ends[1], SetFdFlags, 0);
        return (new SafeFileHandle(ends[0], ownsHandle: true), new SafeFileHandle(ends[1], ownsHandle: true));
    }

    /// <summary>Sends an fd. Makes nothing and calls nothing else: see <see cref="Launcher"/>.</summary>
    /// <returns>0, or −1.</returns>
    public static int SendRaw(int socket, int fd)
    {
        byte mark = 1;
        var vector = new IoVector { Base = &mark, Length = 1 };
        var control = new FdMessage { Length = (nuint)(16 + sizeof(int)), Level = SocketLevel, Type = Rights, Fd = fd };
        var message = new MessageHeader
        {
            Vectors = &vector,
            VectorCount = 1,
            Control = &control,
            ControlLength = (nuint)sizeof(FdMessage),
        };
        return Send(socket, &message, 0) == 1 ? 0 : -1;
    }

    /// <summary>Waits for the fd. Null: the launcher ended without sending one.</summary>
    public static SafeFileHandle? Receive(SafeFileHandle socket)
    {
        byte mark = 0;
        var vector = new IoVector { Base = &mark, Length = 1 };
        var control = new FdMessage { Fd = -1 };
        var message = new MessageHeader
        {
            Vectors = &vector,
            VectorCount = 1,
            Control = &control,
            ControlLength = (nuint)sizeof(FdMessage),
        };
        const int interrupted = 4;
        nint received;
        while ((received = Receive(socket, &message, ReceiveCloseOnExec)) < 0 && Marshal.GetLastPInvokeError() == interrupted)
        {
        }

        return received == 1 && message.ControlLength != 0 && control.Fd >= 0 ? new SafeFileHandle(control.Fd, ownsHandle: true) : null;
    }

    /// <summary>The supervisor serves: the launcher may become the program.</summary>
    public static void Go(SafeFileHandle socket)
    {
        byte mark = 1;
        _ = Write(socket, &mark, 1);
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct IoVector
    {
        public byte* Base;
        public nuint Length;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct MessageHeader
    {
        public void* Name;
        public uint NameLength;
        public IoVector* Vectors;
        public nuint VectorCount;
        public void* Control;
        public nuint ControlLength;
        public int Flags;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct FdMessage
    {
        public nuint Length;
        public int Level;
        public int Type;
        public int Fd;
        public int Padding;
    }

    [LibraryImport("libc", EntryPoint = "socketpair", SetLastError = true)]
    private static partial int SocketPair(int family, int type, int protocol, int* ends);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int Control(int fd, int command, int argument);

    [LibraryImport("libc", EntryPoint = "sendmsg"), SuppressGCTransition]
    private static partial nint Send(int socket, MessageHeader* message, int flags);

    [LibraryImport("libc", EntryPoint = "recvmsg", SetLastError = true)]
    private static partial nint Receive(SafeFileHandle socket, MessageHeader* message, int flags);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint Write(SafeFileHandle socket, byte* bytes, nuint length);
}
