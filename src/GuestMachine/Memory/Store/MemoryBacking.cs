using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Memory.HostMemory;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Machine.Memory.Store;

/// <summary>
/// The bytes of one buffer in a memfd of their own, which is mapped in the server and nothing else is in, so that somebody else can map it
/// without ever getting other guest memory. Who may is the business of the two kinds:
/// <see cref="VisibleBacking"/>, <see cref="PrivateBacking"/>.
/// </summary>
/// <remarks>
/// <para>States: <i>unborn</i> (no host memory yet: nobody touched it), <i>live</i> (memfd mapped in the server), <i>revoked</i> (taken
/// back; every mapping of the fd, old ones too, reads zeros). A backing goes unborn → live → revoked, or straight from unborn to
/// revoked, and never back.</para>
/// <para>Who calls: the guest resolves guest-physical addresses to it under the guest's lock; the fd broker opens fds without that lock.
/// The own lock orders birth against revocation. A copy in flight holds a pin, which keeps the server's mapping, not the contents; what it
/// wrote after revocation goes with the last pin.</para>
/// </remarks>
public abstract class MemoryBacking
{
    private readonly Lock _lock = new();
    private SealedMemfd? _memfd;
    private bool _revoked;
    private int _pins;

    private protected MemoryBacking(ulong id, ulong size, bool readOnly)
    {
        Id = id;
        Size = size;
        ReadOnly = readOnly;
    }

    /// <summary>Identity inside the server; never reused.</summary>
    public ulong Id { get; }

    /// <summary>Bytes.</summary>
    public ulong Size { get; }

    /// <summary>True when the buffer's file is O_RDONLY: fds handed out cannot be mapped writable.</summary>
    public bool ReadOnly { get; }

    /// <summary>True once the memory was taken back.</summary>
    public bool Revoked => Volatile.Read(ref _revoked);

    /// <summary>True when somebody has touched the memory or holds an fd on it.</summary>
    internal bool Live => Volatile.Read(ref _memfd) is not null;

    /// <summary>A new fd that shares its open file with all others made here. The caller closes it.</summary>
    private protected Result<SafeFileHandle> Duplicate()
    {
        lock (_lock)
        {
            Result<SealedMemfd> memfd = Bear();
            return memfd.Ok ? memfd.Value.DuplicateFor(ReadOnly) : memfd.Failure;
        }
    }

    /// <summary>An open file of its own on the memory, for a native process of the guest (<c>GuestNatives</c>).</summary>
    internal Result<SafeFileHandle> OpenAnew(Abi.AccessMode access)
    {
        lock (_lock)
        {
            Result<SealedMemfd> memfd = Bear();
            return memfd.Ok ? memfd.Value.OpenAnew((int)access) : memfd.Failure;
        }
    }

    /// <summary>Keeps the server's mapping while bytes are copied; dispose the pin afterwards.</summary>
    internal unsafe Result<MemoryPin> Pin()
    {
        lock (_lock)
        {
            Result<SealedMemfd> memfd = Bear();
            if (!memfd.Ok)
            {
                return memfd.Failure;
            }

            _pins++;
            return MemoryPin.Of(this, memfd.Value.Pointer);
        }
    }

    /// <summary>A copy is done. After revocation the last one's bytes are taken back, too, and the mapping goes.</summary>
    internal void Unpin()
    {
        lock (_lock)
        {
            if (--_pins == 0 && _revoked)
            {
                TakeBack();
            }
        }
    }

    /// <summary>Pointer to the first byte. Only under the guest's lock, which keeps revocation away.</summary>
    internal unsafe Result<nint> Address()
    {
        SealedMemfd? live = Volatile.Read(ref _memfd);
        if (live is not null)
        {
            return (nint)live.Pointer;
        }

        lock (_lock)
        {
            Result<SealedMemfd> memfd = Bear();
            return memfd.Ok ? (nint)memfd.Value.Pointer : memfd.Failure;
        }
    }

    /// <summary>Takes the memory back: hole-punched, so that every old mapping reads zeros, never later data.</summary>
    internal void Revoke()
    {
        lock (_lock)
        {
            _revoked = true;
            TakeBack();
        }
    }

    /// <summary>Takes a part of the memory back: its frames went to the other side while the buffer lives.</summary>
    internal void Punch(ulong offset, ulong length)
    {
        lock (_lock)
        {
            if (!_revoked)
            {
                _memfd?.Punch(offset, length);
            }
        }
    }

    /// <summary>Runs of bytes that exist in the memfd; the others are zeros. Under the guest's lock, of a live backing.</summary>
    internal IEnumerable<(ulong Start, ulong Length)> DataRuns() => _memfd?.DataRuns() ?? [];

    /// <summary>What a memfd has to hold at birth besides zeros.</summary>
    private protected virtual void FillNew(SealedMemfd memfd)
    {
    }

    private void TakeBack()
    {
        _memfd?.PunchAll();
        if (_pins == 0)
        {
            _memfd?.Dispose();
        }
    }

    private Result<SealedMemfd> Bear()
    {
        if (_revoked)
        {
            return new Failure(Errno.ENOENT, "open backing", "look up", "The memory behind this token was taken back.");
        }

        if (_memfd is { } live)
        {
            return live;
        }

        Result<SealedMemfd> created = SealedMemfd.Create(Size, ReadOnly);
        if (created.Ok)
        {
            FillNew(created.Value);
            Volatile.Write(ref _memfd, created.Value);
        }

        return created;
    }
}
