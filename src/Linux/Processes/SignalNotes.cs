using System.ComponentModel;
using System.Runtime.InteropServices;
using CocoGuest.Linux.Files;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Linux.Processes;

/// <summary>
/// Signals of this process with what the kernel says of them (struct siginfo): who sent them, and how. The runtime's own handlers keep
/// that to themselves.
/// </summary>
/// <remarks>
/// No managed code can be a handler: it may come in the middle of a garbage collection. So the handler is twenty bytes of machine code,
/// which write the siginfo into a pipe and touch nothing else, errno included. It stays until the process ends.
/// </remarks>
internal static unsafe class SignalNotes
{
    /// <summary>sizeof(struct siginfo).</summary>
    public const int Size = 128;

    private const int Page = 4096;
    private const int ProtExecute = 4;

    /// <summary>Takes the signals over, whoever handled them.</summary>
    /// <returns>The pipe that notes are read from.</returns>
    public static SafeFileHandle Take(IEnumerable<int> signals)
    {
        (SafeFileHandle read, SafeFileHandle write) = Pipe.Create();
        int number = (int)write.DangerousGetHandle();
        // The handler's from now on; nobody closes it.
        write.SetHandleAsInvalid();
        ReadOnlySpan<byte> code =
        [
            0xf3, 0x0f, 0x1e, 0xfa,                                                                // endbr64
            0xbf, (byte)number, (byte)(number >> 8), (byte)(number >> 16), (byte)(number >> 24),   // mov edi, pipe
            0xba, Size, 0, 0, 0,                                                                   // mov edx, size
            0xb8, (byte)CallNumber.Write, 0, 0, 0,                                                 // mov eax, write
            0x0f, 0x05,                                                                            // syscall
            0xc3,                                                                                  // ret
        ];
        nint page = Libc.Mmap(0, Page, Libc.ProtRead | Libc.ProtWrite, Libc.MapPrivate | Libc.MapAnonymous, -1, 0);
        if (page == -1)
        {
            throw new Win32Exception();
        }

        code.CopyTo(new Span<byte>((void*)page, Page));
        if (Libc.Mprotect(page, Page, Libc.ProtRead | ProtExecute) != 0)
        {
            throw new Win32Exception();
        }

        var action = new SigAction { Handler = (void*)page, Flags = Libc.SaSiginfo | Libc.SaRestart | Libc.SaOnstack };
        foreach (int signal in signals)
        {
            _ = Libc.Sigaction(signal, &action, null);
        }

        return read;
    }

    /// <summary>Waits for a note, on a thread that none of the signals is blocked in.</summary>
    /// <returns>False: there will be no more.</returns>
    public static bool Read(SafeFileHandle pipe, out SignalNote note)
    {
        byte* info = stackalloc byte[Size];
        nint count;
        while ((count = Libc.Read(pipe, info, Size)) < 0 && Marshal.GetLastPInvokeError() == Libc.Eintr)
        {
        }

        note = new SignalNote(*(int*)info, *(int*)(info + 8), *(int*)(info + 16), *(int*)(info + 20), *(long*)(info + 24));
        return count == Size;
    }

    /// <summary>Blocks none of the signals in this thread.</summary>
    public static void Unblock(IEnumerable<int> signals)
    {
        ulong set = signals.Aggregate(0ul, static (all, signal) => all | 1ul << (signal - 1));
        _ = Libc.Syscall(CallNumber.RtSigprocmask, Libc.SigUnblock, (nint)(&set), 0, sizeof(ulong));
    }
}
