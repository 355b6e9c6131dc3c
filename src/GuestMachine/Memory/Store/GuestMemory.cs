using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Memory.Encryption;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.Memory.HostMemory;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine.Memory.Store;

/// <summary>
/// The bytes behind guest-physical space.
/// Models: private frames as plain text in process-private, sparse memory (R5 of docs/architecture.md: what a view without the key sees is
/// computed when it looks); host-visible buffers in a memfd each; zero pages that cost nothing; contents after conversion (S-PLAT-21).
/// Does not model: caches, free pages that the guest kernel uses for itself.
/// </summary>
/// <remarks>
/// Invariants. (1) A frame's bytes are in its <see cref="MemoryBacking"/> if <see cref="ChunkMap"/> knows one, else in the store at its
/// address; a shared frame's never in a <see cref="PrivateBacking"/> (but
/// where conversions keep everything), a private frame's never in a <see cref="VisibleBacking"/>. (2) A frame without
/// <see cref="FrameFlags.Dirty"/> has zeros in the store: whoever plans a write to the store sets the flag, whether the frame is a buffer's
/// or anybody's. (3) Only the guest's lock changes flags and chunks; bytes are copied outside it under pins.
/// </remarks>
internal sealed unsafe partial class GuestMemory : IBounceMemory, IDisposable
{
    private readonly AnonymousRegion _store;
    private readonly byte[] _flags;
    private readonly ChunkMap _chunks;
    private readonly Platform _platform;
    private readonly CopyCounter _copies;
    private ulong _nextBackingId;
    private bool _disposed;

    private GuestMemory(AnonymousRegion store, RamLayout layout, Platform platform, XexEngine engine, CopyCounter copies)
    {
        _store = store;
        Layout = layout;
        _platform = platform;
        Engine = engine;
        _copies = copies;
        ulong frames = Page.FrameOf(layout.EndAddress);
        _flags = new byte[frames];
        _chunks = new ChunkMap(frames);
    }

    public RamLayout Layout { get; }

    public XexEngine Engine { get; }

    /// <summary>Bytes that bouncing copied, both ways.</summary>
    public ulong BouncedBytes { get; private set; }

    public static Result<GuestMemory> Create(RamLayout layout, Platform platform, XexEngine engine, CopyCounter copies)
    {
        Result<AnonymousRegion> store = AnonymousRegion.Create(layout.EndAddress);
        return store.Ok ? new GuestMemory(store.Value, layout, platform, engine, copies) : store.Failure;
    }

    /// <summary>True when DRAM zeros that nobody wrote decrypt to garbage in the private view.</summary>
    public bool IsRawZero(ulong frame) =>
        (_flags[frame] & (byte)FrameFlags.Plain) == 0 && PlatformProfile.Of(_platform).Ciphers;

    /// <summary>What the page allocator's zeroed allocation does: the frames read zero in the private view.</summary>
    public void Zero(Chunk chunk)
    {
        Span<byte> flags = FlagsOf(chunk.Range);
        if (flags.IndexOfAnyInRange((byte)FrameFlags.Dirty, byte.MaxValue) >= 0)
        {
            ClearStore(chunk);
        }

        flags.Fill((byte)FrameFlags.Plain);
    }

    /// <summary>Gives chunks that just became host-visible a backing of their own.</summary>
    /// <param name="chunks">The frames.</param>
    /// <param name="size">Bytes.</param>
    /// <param name="readOnly">Fds cannot be mapped writable.</param>
    /// <param name="slot">For <see cref="RemoveBacking"/>.</param>
    /// <param name="cleared">They were cleared after they became visible, so that everybody reads zeros (S-DMA-61).</param>
    public VisibleBacking AddBacking(Chunk[] chunks, ulong size, bool readOnly, out int slot, bool cleared = false)
    {
        bool ciphertext = !cleared
            && ContentsAfterConversion.For(_platform, ConversionDirection.ToShared) == ContentsRule.CiphertextOfOldPlain;
        var backing = new VisibleBacking(++_nextBackingId, chunks, size, readOnly, ciphertext ? Engine : null);
        slot = _chunks.Add(backing, chunks);
        return backing;
    }

    /// <summary>
    /// Takes the backing away from a buffer that is gone: every mapping of its fd reads zeros from now on. Frames that went private before
    /// have left it already (<see cref="Changed"/>), and so have frames that stay shared (<see cref="KeepShared"/>).
    /// </summary>
    public void RemoveBacking(VisibleBacking backing, int slot, ReadOnlySpan<Chunk> chunks)
    {
        _chunks.Remove(slot, chunks);
        ForgetHoles(slot);
        backing.Revoke();
    }

    /// <summary>
    /// The bytes of a buffer go to other frames, which read zero. A backing follows its buffer with its fds valid; or, for a buffer that
    /// somebody was cut off from, the bytes go to a new backing and the old one is revoked.
    /// </summary>
    public VisibleBacking? MoveBuffer(VisibleBacking? backing, ref int slot, Chunk[] source, Chunk[] target, bool cutOff)
    {
        if (backing is null)
        {
            CopyFrames(source, target);
            return null;
        }

        _chunks.Remove(slot, source);
        if (!cutOff)
        {
            slot = _chunks.Add(backing, target);
            return backing;
        }

        VisibleBacking fresh = AddBacking(target, backing.Size, backing.ReadOnly, out slot);
        if (backing.Live && backing.Address() is { Ok: true } old && fresh.Address() is { Ok: true } place)
        {
            // SAFETY: both are mapped with the buffer's size, and the guest's lock keeps revocation away.
            Buffer.MemoryCopy((void*)old.Value, (void*)place.Value, backing.Size, backing.Size);
        }

        backing.Revoke();
        return fresh;
    }

    /// <summary>
    /// Private frames that became shared without a buffer of their own (the swiotlb pool): zeros in the store, seen by all.
    /// </summary>
    public void ShareInPlace(FrameRange range) => FlagsOf(range).Fill((byte)(FrameFlags.Plain | FrameFlags.Dirty));

    /// <summary>The backing that covers a frame, or null when its bytes are in the store.</summary>
    public MemoryBacking? FindBacking(ulong frame, out ulong pageInBacking, out ulong pagesLeft) =>
        _chunks.Find(frame, out pageInBacking, out pagesLeft);

    /// <summary>The store's byte at a guest-physical address.</summary>
    public byte* StoreAt(ulong address) => _store.Pointer + address;

    /// <summary>Keeps the store mapped while bytes are copied outside the guest's lock.</summary>
    public MemoryPin PinStore() => MemoryPin.Take(_store.Mapping);

    /// <summary>The store holds the frame's plain text from now on: DRAM zeros are decrypted into it if need be.</summary>
    public void Materialize(ulong frame)
    {
        if (IsRawZero(frame))
        {
            var page = new Span<byte>(StoreAt(Page.AddressOf(frame)), (int)Page.Size);
            Engine.Decrypt(page, page, Page.AddressOf(frame));
        }

        _flags[frame] = (byte)(FrameFlags.Plain | FrameFlags.Dirty);
    }

    /// <inheritdoc/>
    public void Copy(ulong sourcePhys, ulong targetPhys, ulong length, BounceWay way)
    {
        // Both sides are inside one chunk or the pool, hence contiguous in the host (S-DMA-50: one mapping per entry).
        Buffer.MemoryCopy((void*)Resolve(sourcePhys, length), (void*)Resolve(targetPhys, length), length, length);
        MarkWritten(targetPhys, length);
        BouncedBytes += length;
    }

    /// <summary>Somebody wrote there (at least 1 byte): the frames are to be cleared before they are anybody's again.</summary>
    public void MarkWritten(ulong address, ulong length)
    {
        ulong first = Page.FrameOf(address);
        FlagsOf(new FrameRange(first, Page.FrameOf(address + length - 1) + 1 - first)).Fill((byte)(FrameFlags.Plain | FrameFlags.Dirty));
    }

    public void Dispose()
    {
        _disposed = true;
        _store.Dispose();
    }

    private void CopyFrames(Chunk[] source, Chunk[] target)
    {
        using IEnumerator<ulong> to = FramesOf(target).GetEnumerator();
        foreach (ulong from in FramesOf(source))
        {
            to.MoveNext();
            if ((_flags[from] & (byte)FrameFlags.Dirty) != 0)
            {
                new ReadOnlySpan<byte>(StoreAt(Page.AddressOf(from)), (int)Page.Size)
                    .CopyTo(new Span<byte>(StoreAt(Page.AddressOf(to.Current)), (int)Page.Size));
                _flags[to.Current] = _flags[from];
            }
        }
    }

    private static IEnumerable<ulong> FramesOf(Chunk[] chunks)
    {
        foreach (Chunk chunk in chunks)
        {
            for (ulong page = 0; page < chunk.Pages; page++)
            {
                yield return chunk.Frame + page;
            }
        }
    }

    private nint Resolve(ulong phys, ulong length)
    {
        MemoryBacking? backing = _chunks.Find(Page.FrameOf(phys), out ulong page, out _);
        if (backing is null)
        {
            return (nint)StoreAt(phys);
        }

        if (backing is VisibleBacking)
        {
            _copies.AddSharedBuffer(length);
        }

        Result<nint> address = backing.Address();
        return address.Ok
            ? address.Value + (nint)(Page.AddressOf(page) + (phys & Page.OffsetMask))
            : throw new InvalidOperationException($"No host memory for a bounced buffer: {address.Failure.Sentence}");
    }

    private void ClearStore(Chunk chunk)
    {
        if (chunk.Order == 0)
        {
            new Span<byte>(StoreAt(chunk.Address), (int)Page.Size).Clear();
        }
        else
        {
            _store.Discard(chunk.Address, chunk.Bytes);
        }
    }

    private Span<byte> FlagsOf(FrameRange range) => _flags.AsSpan(checked((int)range.First), (int)range.Count);
}
