using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Memory.Encryption;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.Memory.HostMemory;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Machine.Memory.Store;

/// <summary>
/// The bytes of one host-visible buffer: a sealed memfd that holds that buffer and nothing else, so that other processes may get
/// its fd without ever getting guest memory.
/// </summary>
/// <remarks>
/// It is revoked when the buffer went private, was released or its guest ended. Contents at birth follow S-PLAT-21: zeros for a new shared
/// backing, on SEV the ciphertext of the zeroed page (S-SYS-27).
/// </remarks>
public sealed class VisibleBacking : MemoryBacking
{
    private readonly Chunk[] _chunks;
    private readonly XexEngine? _cipherOfZeros;

    internal VisibleBacking(ulong id, Chunk[] chunks, ulong size, bool readOnly, XexEngine? cipherOfZeros)
        : base(id, size, readOnly)
    {
        _chunks = chunks;
        _cipherOfZeros = cipherOfZeros;
    }

    /// <summary>A new fd on the memory, for SCM_RIGHTS. The caller closes it.</summary>
    /// <returns>ENOENT when the memory was taken back; ENOMEM or EMFILE when the host has no more.</returns>
    public Result<SafeFileHandle> OpenFd() => Duplicate();

    /// <inheritdoc/>
    private protected override unsafe void FillNew(SealedMemfd memfd)
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
