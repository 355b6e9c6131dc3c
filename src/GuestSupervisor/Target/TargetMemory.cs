using System.Runtime.InteropServices;
using System.Text;
using CocoGuest.Machine.Files;

namespace CocoGuest.Supervisor.Target;

/// <summary>
/// The memory of the thread that made a call, by process_vm_readv and process_vm_writev: whoever may trace a process may do that, and a
/// parent may.
/// <para>What is not mapped, or not readable by the program itself, faults as it would in the kernel.</para>
/// </summary>
internal sealed unsafe partial class TargetMemory(int tid) : IUserMemory
{
    private const int LongestPath = 4096;
    private const ulong PageBytes = 4096;

    /// <inheritdoc/>
    public bool TryRead(ulong address, Span<byte> target)
    {
        fixed (byte* bytes = target)
        {
            var local = new IoVector { Base = (nint)bytes, Length = (nuint)target.Length };
            var remote = new IoVector { Base = (nint)address, Length = (nuint)target.Length };
            return target.Length == 0 || Read(tid, &local, 1, &remote, 1, 0) == target.Length;
        }
    }

    /// <inheritdoc/>
    public bool TryWrite(ulong address, ReadOnlySpan<byte> source)
    {
        fixed (byte* bytes = source)
        {
            var local = new IoVector { Base = (nint)bytes, Length = (nuint)source.Length };
            var remote = new IoVector { Base = (nint)address, Length = (nuint)source.Length };
            return source.Length == 0 || Write(tid, &local, 1, &remote, 1, 0) == source.Length;
        }
    }

    /// <summary>
    /// A string that ends with a zero byte, page by page, so that what lies behind it need not be mapped; null: it faults or is too
    /// long.
    /// </summary>
    public string? ReadPath(ulong address)
    {
        Span<byte> path = stackalloc byte[LongestPath];
        int length = 0;
        while (length < path.Length)
        {
            ulong at = address + (ulong)length;
            int part = (int)Math.Min((ulong)(path.Length - length), PageBytes - (at % PageBytes));
            Span<byte> piece = path.Slice(length, part);
            if (!TryRead(at, piece))
            {
                return null;
            }

            int end = piece.IndexOf((byte)0);
            if (end >= 0)
            {
                return Encoding.Latin1.GetString(path[..(length + end)]);
            }

            length += part;
        }

        return null;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct IoVector
    {
        public nint Base;
        public nuint Length;
    }

    [LibraryImport("libc", EntryPoint = "process_vm_readv", SetLastError = true)]
    private static partial nint Read(int pid, IoVector* local, nuint localCount, IoVector* remote, nuint remoteCount, nuint flags);

    [LibraryImport("libc", EntryPoint = "process_vm_writev", SetLastError = true)]
    private static partial nint Write(int pid, IoVector* local, nuint localCount, IoVector* remote, nuint remoteCount, nuint flags);
}
