using System.Text;
using CocoGuest.Linux;
using CocoGuest.Machine.Files;

namespace CocoGuest.Supervisor.Target;

/// <summary>
/// The memory of the thread that made a call, by process_vm_readv and process_vm_writev: whoever may trace a process may do that, and a
/// parent may.
/// <para>What is not mapped, or not readable by the program itself, faults as it would in the kernel.</para>
/// </summary>
/// <remarks>
/// A page that is not there (userfaultfd, a file of a slow file system) makes who touches it wait as long as its owner likes. So what a
/// call needs is read before the lock is taken (<see cref="Touch"/>), as a kernel copies an argument once; under the lock
/// (<see cref="IsBounded"/>) other pages that are not there are waited for a moment only, by another thread, and then fault.
/// </remarks>
internal sealed unsafe class TargetMemory(int tid) : IUserMemory
{
    private const int LongestPath = 4096;
    private const ulong PageBytes = 4096;
    private const int MostTouched = 1 << 16;
    private static readonly TimeSpan LongestWait = TimeSpan.FromMilliseconds(100);
    private PageMap? _pages;
    private ulong _touchedAt;
    private byte[] _touched = [];

    /// <summary>True while nobody may be made to wait.</summary>
    public bool IsBounded { get; private set; }

    /// <summary>From now on nobody may be made to wait.</summary>
    public void Bound() => IsBounded = true;

    /// <summary>Somebody may be made to wait again.</summary>
    public void Unbound()
    {
        IsBounded = false;
        _pages?.Dispose();
        _pages = null;
    }

    /// <summary>Reads, and if need be waits for, memory that a call will need.</summary>
    public void Touch(ulong address, ulong length)
    {
        byte[] bytes = new byte[(int)Math.Min(length, MostTouched)];
        if (bytes.Length != 0 && TryRead(address, bytes))
        {
            (_touchedAt, _touched) = (address, bytes);
        }
    }

    /// <inheritdoc/>
    public bool TryRead(ulong address, Span<byte> target)
    {
        if (target.Length == 0)
        {
            return true;
        }

        if (IsBounded && address >= _touchedAt && address - _touchedAt + (ulong)target.Length <= (ulong)_touched.Length)
        {
            _touched.AsSpan((int)(address - _touchedAt), target.Length).CopyTo(target);
            return true;
        }

        if (IsBounded && !AreThere(address, target.Length, changed: false))
        {
            byte[] copy = new byte[target.Length];
            bool read = InTime(() => Read(address, copy));
            copy.AsSpan(0, read ? copy.Length : 0).CopyTo(target);
            return read;
        }

        return Read(address, target);
    }

    /// <inheritdoc/>
    public bool TryWrite(ulong address, ReadOnlySpan<byte> source)
    {
        if (source.Length == 0)
        {
            return true;
        }

        if (IsBounded && !AreThere(address, source.Length, changed: true))
        {
            byte[] copy = source.ToArray();
            return InTime(() => Write(address, copy));
        }

        return Write(address, source);
    }

    /// <summary>
    /// A string that ends with a zero byte, page by page, so that what lies behind it need not be mapped; null: it faults or is too long.
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

    private static bool InTime(Func<bool> access)
    {
        Task<bool> task = Task.Factory.StartNew(access, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        return task.Wait(LongestWait) && task.Result;
    }

    private bool AreThere(ulong address, int length, bool changed) =>
        (_pages ??= new PageMap(tid)).AreThere(address / PageBytes, (address + (ulong)length - 1) / PageBytes, changed);

    private bool Read(ulong address, Span<byte> target)
    {
        fixed (byte* bytes = target)
        {
            var local = new IoVec { Base = bytes, Len = (nuint)target.Length };
            var remote = new IoVec { Base = (void*)address, Len = (nuint)target.Length };
            return Libc.ProcessVmReadv(tid, &local, 1, &remote, 1, 0) == target.Length;
        }
    }

    private bool Write(ulong address, ReadOnlySpan<byte> source)
    {
        fixed (byte* bytes = source)
        {
            var local = new IoVec { Base = bytes, Len = (nuint)source.Length };
            var remote = new IoVec { Base = (void*)address, Len = (nuint)source.Length };
            return Libc.ProcessVmWritev(tid, &local, 1, &remote, 1, 0) == source.Length;
        }
    }
}
