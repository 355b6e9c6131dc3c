using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Encryption;
using CocoGuest.Machine.Memory.HostMemory;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Machine.Memory;

/// <summary>
/// The bytes of one host-visible buffer: a sealed memfd that holds that buffer and nothing else, so that other processes may get
/// its fd without ever getting guest memory.
/// </summary>
/// <remarks>
/// <para>States: <i>unborn</i> (no host memory yet: the buffer was allocated and nobody touched it), <i>live</i> (memfd mapped in the
/// server), <i>revoked</i> (the buffer went private, was released or its guest ended; every mapping of the fd, old ones too, reads zeros).
/// A backing goes unborn → live → revoked, or straight from unborn to revoked, and never back.</para>
/// <para>Who calls: the guest resolves guest-physical addresses to it under the guest's lock; the fd broker opens fds without that lock.
/// The own lock orders birth against revocation. A copy in flight holds a pin, which keeps the server's mapping, not the contents; what it
/// wrote after revocation goes with the last pin.</para>
/// <para>Contents at birth follow S-PLAT-21: zeros for a new shared backing, on SEV the ciphertext of the zeroed page (S-SYS-27).</para>
/// </remarks>
public sealed class VisibleBacking
{
    private readonly Lock _lock = new();
    private readonly Chunk[] _chunks;
    private readonly XexEngine? _cipherOfZeros;
    private SealedMemfd? _memfd;
    private bool _revoked;
    private int _pins;

    internal VisibleBacking(ulong id, Chunk[] chunks, ulong size, bool readOnly, XexEngine? cipherOfZeros)
    {
        Id = id;
        _chunks = chunks;
        Size = size;
        ReadOnly = readOnly;
        _cipherOfZeros = cipherOfZeros;
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

    /// <summary>A new fd on the memory, for SCM_RIGHTS. The caller closes it.</summary>
    /// <returns>ENOENT when the memory was taken back; ENOMEM or EMFILE when the host has no more.</returns>
    public Result<SafeFileHandle> OpenFd()
    {
        lock (_lock)
        {
            Result<SealedMemfd> memfd = Bear();
            return memfd.Ok ? memfd.Value.DuplicateFor(ReadOnly) : memfd.Failure;
        }
    }

    /// <summary>An open file of its own on the memory, for a native process of the guest (<see cref="GuestNatives"/>).</summary>
    internal Result<SafeFileHandle> OpenAnew(Files.AccessMode access)
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

    /// <summary>Takes a part of the memory back: its frames went private while the buffer lives.</summary>
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
            FillCiphertext(created.Value);
            Volatile.Write(ref _memfd, created.Value);
        }

        return created;
    }

    private unsafe void FillCiphertext(SealedMemfd memfd)
    {
        if (_cipherOfZeros is not { } engine)
        {
            return;
        }

        byte* target = memfd.Pointer;
        foreach (Chunk chunk in _chunks)
        {
            // SAFETY: the chunks add up to Size, which is the length of the mapping.
            var span = new Span<byte>(target, checked((int)chunk.Bytes));
            engine.Encrypt(span, span, chunk.Address);
            target += chunk.Bytes;
        }
    }
}
