using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Memory.Frames;

namespace CocoGuest.Machine.Memory.Store;

/// <summary>Contents after conversion (S-PLAT-21), applied run by run at the moment when the frames change sides.</summary>
/// <remarks>
/// <para>Store and flags keep their meaning across a conversion in place: <see cref="FrameFlags.None"/> is DRAM of zeros, Plain without
/// Dirty a page zeroed through the key; on the shared side the one shows zeros and the other the ciphertext of zeros, computed when
/// somebody looks (<see cref="MaterializeShared"/>). So a zeroed page can become shared without being touched.</para>
/// <para>Frames of a host-visible buffer that go private leave its memfd: the bytes move to the store by the platform's rule, and the place
/// in the memfd is a <see cref="BackingHole"/> until the frames are shared again or the buffer ends. A <see cref="PrivateBacking"/> is the
/// same thing the other way round.</para>
/// </remarks>
internal sealed unsafe partial class GuestMemory : IConversionObserver
{
    private readonly List<BackingHole> _holes = [];
    private readonly Dictionary<ulong, byte[]> _keptPrivate = [];
    private readonly Dictionary<ulong, byte[]> _keptShared = [];

    /// <summary>Whether the VMM drops old backings (S-SNP-32).</summary>
    public Func<bool> VmmDiscards { get; set; } = () => true;

    /// <summary>Lines that a write from outside broke.</summary>
    public PoisonMap Poison { get; } = new();

    /// <inheritdoc/>
    public void Changed(FrameRange range, ConversionDirection direction)
    {
        // A load in flight may keep a buffer longer than its guest; then nobody will look at the frames again.
        if (_disposed)
        {
            return;
        }

        Poison.Clear(range);
        ContentsRule rule = ContentsAfterConversion.For(_platform, direction, VmmDiscards());
        if (direction == ConversionDirection.ToShared)
        {
            bool lent = rule != ContentsRule.Kept && Lend(range);
            BecomeShared(range, rule);
            ShowLent(lent ? range : default);
        }
        else
        {
            BecomePrivate(range, rule);
        }

        FillHoles(range, direction);
    }

    /// <summary>
    /// Frames that stay shared without their buffer: their bytes leave the memfd for the store, where the host still sees them (S-SYS-29).
    /// </summary>
    public void KeepShared(FrameRange range)
    {
        for (FrameRange rest = range; rest.Count > 0 && !_disposed;)
        {
            FrameRange run = NextRun(rest, out MemoryBacking? backing, out ulong page);
            if (backing is not null)
            {
                TakeFrom(backing, page, run);
                Uncover(run);
            }

            rest = new FrameRange(run.End, rest.Count - run.Count);
        }
    }

    /// <summary>
    /// Takes the bytes of private frames out of the memfds, too. Called after a conversion of frames that a living buffer has.
    /// </summary>
    public void PunchHoles()
    {
        for (int at = 0; at < _holes.Count; at++)
        {
            BackingHole hole = _holes[at];
            if (!hole.Punched && hole.Backing is VisibleBacking)
            {
                hole.Backing.Punch(Page.AddressOf(hole.Page), hole.Frames.Bytes);
                _holes[at] = hole with { Punched = true };
            }
        }
    }

    /// <summary>The store holds the shared frame's bytes from now on: what a page zeroed through the key looks like without it.</summary>
    public void MaterializeShared(ulong frame)
    {
        bool keyed = _flags[frame] == (byte)FrameFlags.Plain
            && ContentsAfterConversion.For(_platform, ConversionDirection.ToShared) == ContentsRule.CiphertextOfOldPlain;
        if (keyed)
        {
            Span<byte> page = StorePage(frame);
            Engine.Encrypt(page, page, Page.AddressOf(frame));
        }

        _flags[frame] = (byte)(FrameFlags.Plain | FrameFlags.Dirty);
    }

    /// <summary>
    /// A host that remaps: the DRAM of two private frames trades places under the same key,
    /// so each decrypts with the other's address (S-ENC-02).
    /// </summary>
    public void SwapRaw(ulong one, ulong other)
    {
        foreach (ulong frame in (ulong[])[one, other])
        {
            Lend(new FrameRange(frame, 1));
        }

        byte[] first = RawOf(one);
        byte[] second = RawOf(other);
        SetRaw(one, second);
        SetRaw(other, first);
        foreach (ulong frame in (ulong[])[one, other])
        {
            FillHoles(new FrameRange(frame, 1), ConversionDirection.ToPrivate);
        }
    }

    private void BecomeShared(FrameRange range, ContentsRule rule)
    {
        switch (rule)
        {
            case ContentsRule.CiphertextOfOldPlain:
                CipherInPlace(range, encrypt: true);
                break;
            case ContentsRule.OldSharedContents:
                Trade(range, keep: _keptPrivate, take: _keptShared);
                break;
            case ContentsRule.Zeros:
                ClearRange(range, FrameFlags.None);
                break;
            default:
                break;
        }
    }

    private void BecomePrivate(FrameRange range, ContentsRule rule)
    {
        for (FrameRange rest = range; rest.Count > 0;)
        {
            FrameRange run = NextRun(rest, out MemoryBacking? backing, out ulong page);
            rest = new FrameRange(run.End, rest.Count - run.Count);
            if (backing is PrivateBacking && rule == ContentsRule.Kept)
            {
                continue;
            }

            if (backing is not null && rule is ContentsRule.Kept or ContentsRule.DecryptionOfOldPlain or ContentsRule.OldPrivateContents
                && backing!.Live)
            {
                TakeFrom(backing, page, run);
            }

            Apply(run, rule);
            if (backing is not null)
            {
                Uncover(run);
            }
        }
    }

    private void Apply(FrameRange run, ContentsRule rule)
    {
        switch (rule)
        {
            case ContentsRule.DecryptionOfOldPlain:
                CipherInPlace(run, encrypt: false);
                break;
            case ContentsRule.DecryptionOfZeros:
                ClearRange(run, FrameFlags.None);
                break;
            case ContentsRule.Zeros:
                ClearRange(run, FrameFlags.Plain);
                break;
            case ContentsRule.OldPrivateContents:
                Trade(run, keep: _keptShared, take: _keptPrivate);
                break;
            default:
                break;
        }
    }

    private void CipherInPlace(FrameRange range, bool encrypt)
    {
        Span<byte> flags = FlagsOf(range);
        for (int at = 0; at < flags.Length; at++)
        {
            int skip = flags[at..].IndexOfAnyInRange((byte)FrameFlags.Dirty, byte.MaxValue);
            if (skip < 0)
            {
                return;
            }

            at += skip;
            ulong frame = range.First + (ulong)at;
            Span<byte> page = StorePage(frame);
            if (encrypt)
            {
                Engine.Encrypt(page, page, Page.AddressOf(frame));
            }
            else
            {
                Engine.Decrypt(page, page, Page.AddressOf(frame));
            }
        }
    }

    private void ClearRange(FrameRange range, FrameFlags flags)
    {
        Span<byte> old = FlagsOf(range);
        for (int at = 0; at < old.Length; at++)
        {
            int skip = old[at..].IndexOfAnyInRange((byte)FrameFlags.Dirty, byte.MaxValue);
            if (skip < 0)
            {
                break;
            }

            at += skip;
            StorePage(range.First + (ulong)at).Clear();
        }

        old.Fill((byte)flags);
    }

    // A VMM that keeps both backings: the side that the frame leaves is put away, the other one comes back (S-SNP-32).
    private void Trade(FrameRange range, Dictionary<ulong, byte[]> keep, Dictionary<ulong, byte[]> take)
    {
        for (ulong frame = range.First; frame < range.End; frame++)
        {
            if (_flags[frame] != (byte)FrameFlags.None)
            {
                keep[frame] = StorePage(frame).ToArray();
            }

            StorePage(frame).Clear();
            _flags[frame] = (byte)FrameFlags.None;
            if (take.Remove(frame, out byte[]? old))
            {
                old.CopyTo(StorePage(frame));
                _flags[frame] = (byte)(FrameFlags.Plain | FrameFlags.Dirty);
            }
        }
    }

    // The longest run from the range's start that one chunk of a buffer covers, or that none does.
    private FrameRange NextRun(FrameRange range, out MemoryBacking? backing, out ulong page)
    {
        backing = _chunks.Find(range.First, out page, out ulong left);
        if (backing is not null)
        {
            return range with { Count = Math.Min(range.Count, left) };
        }

        ulong count = 1;
        while (count < range.Count && _chunks.Find(range.First + count, out _, out _) is null)
        {
            count++;
        }

        return range with { Count = count };
    }

    private void TakeFrom(MemoryBacking backing, ulong page, FrameRange run)
    {
        Result<nint> address = backing.Address();
        if (address.Ok)
        {
            // SAFETY: page and run lie inside the backing's mapping, the run inside the store.
            var bytes = new ReadOnlySpan<byte>((byte*)address.Value + Page.AddressOf(page), (int)run.Bytes);
            bytes.CopyTo(new Span<byte>(StoreAt(run.Address), (int)run.Bytes));
            FlagsOf(run).Fill((byte)(FrameFlags.Plain | FrameFlags.Dirty));
        }
    }

    private void Uncover(FrameRange run)
    {
        (MemoryBacking backing, int slot, ulong page) = _chunks.Uncover(run);
        _holes.Add(new BackingHole(backing, slot, run, page, false));
    }

    // The memfd in this slot is not to get back what was punched out of it. A loop: a closure would cost every release 88 bytes.
    private void ForgetHoles(int slot)
    {
        for (int at = _holes.Count - 1; at >= 0; at--)
        {
            if (_holes[at].Slot == slot)
            {
                _holes.RemoveAt(at);
            }
        }
    }

    private void FillHoles(FrameRange range, ConversionDirection direction)
    {
        for (int at = _holes.Count - 1; at >= 0; at--)
        {
            BackingHole hole = _holes[at];
            ulong first = Math.Max(hole.Frames.First, range.First);
            ulong end = Math.Min(hole.Frames.End, range.End);
            if (first >= end || (hole.Backing is PrivateBacking) != (direction == ConversionDirection.ToPrivate))
            {
                continue;
            }

            _holes.RemoveAt(at);
            AddRest(hole, hole.Frames.First, first);
            AddRest(hole, end, hole.Frames.End);
            for (ulong frame = first; frame < end; frame++)
            {
                PutBack(hole, frame);
            }
        }
    }

    private void AddRest(BackingHole hole, ulong first, ulong end)
    {
        if (first < end)
        {
            _holes.Add(hole with { Frames = new FrameRange(first, end - first), Page = hole.Page + (first - hole.Frames.First) });
        }
    }

    private void PutBack(BackingHole hole, ulong frame)
    {
        Result<nint> address = hole.Backing.Address();
        if (!address.Ok)
        {
            return;
        }

        ulong page = hole.Page + (frame - hole.Frames.First);
        if (hole.Backing is PrivateBacking)
        {
            Materialize(frame);
        }
        else
        {
            MaterializeShared(frame);
        }

        Span<byte> stored = StorePage(frame);
        stored.CopyTo(PageIn(address.Value, page));
        stored.Clear();
        _flags[frame] = (byte)FrameFlags.Plain;
        _chunks.Cover(hole.Slot, frame, page);
    }

    private byte[] RawOf(ulong frame)
    {
        byte[] raw = new byte[Page.Size];
        if (!IsRawZero(frame))
        {
            Engine.Encrypt(StorePage(frame), raw, Page.AddressOf(frame));
        }

        return raw;
    }

    private void SetRaw(ulong frame, byte[] raw)
    {
        Engine.Decrypt(raw, StorePage(frame), Page.AddressOf(frame));
        _flags[frame] = (byte)(FrameFlags.Plain | FrameFlags.Dirty);
    }

    private Span<byte> StorePage(ulong frame) => new(StoreAt(Page.AddressOf(frame)), (int)Page.Size);
}
