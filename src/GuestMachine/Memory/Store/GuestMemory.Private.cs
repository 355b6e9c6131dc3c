using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Memory.Frames;

namespace CocoGuest.Machine.Memory.Store;

/// <summary>
/// Private frames whose bytes native processes have mapped: they are in a <see cref="PrivateBacking"/> instead of the store.
/// Models: the same bytes for every accessor, whatever way it comes. Does not model: what hardware does to the mapping when its frames
/// change sides.
/// </summary>
/// <remarks>
/// Frames that become shared leave the memfd for the store, where untrusted views look: so nothing that is stored through an old mapping
/// reaches them. The mapping then shows what the shared page held at that moment (S-PLAT-21) and is cut off from it; when the frames are
/// private again, their bytes are back in it. On platforms that keep contents and addresses (S-PLAT-21: kept) nothing of this happens: page
/// and mapping stay one.
/// </remarks>
internal sealed unsafe partial class GuestMemory
{
    private int _privateBackings;

    /// <summary>Moves the bytes of a private buffer into a memfd.</summary>
    /// <param name="chunks">Its frames, in order.</param>
    /// <param name="size">Bytes.</param>
    /// <param name="readOnly">Whether mappings can only read.</param>
    /// <param name="isShared">Whether a frame is shared at the moment: its bytes stay in the store.</param>
    /// <returns>EOPNOTSUPP if another buffer shows one of the frames, or this one shows it twice; ENOMEM or EMFILE of the host.</returns>
    public Result<PrivateBacking> AddPrivateBacking(Chunk[] chunks, ulong size, bool readOnly, Func<ulong, bool> isShared)
    {
        if (IsShownTwice(chunks))
        {
            return new Failure(Errno.EOPNOTSUPP, "open_memory", "check frames",
                "A page of the buffer is shown at another place already; one page of the host cannot be in two files.", "file");
        }

        var backing = new PrivateBacking(++_nextBackingId, size, readOnly);
        Result<nint> address = backing.Address();
        if (!address.Ok)
        {
            return address.Failure;
        }

        Attach(backing, chunks, isShared);
        return backing;
    }

    /// <summary>The frames' bytes go into the memfd.</summary>
    public void Attach(PrivateBacking backing, Chunk[] chunks, Func<ulong, bool> isShared)
    {
        nint memory = backing.Address().Value;
        bool keeps = ContentsAfterConversion.For(_platform, ConversionDirection.ToShared, VmmDiscards()) == ContentsRule.Kept;
        ulong page = 0;
        backing.Slot = _chunks.Add(backing, chunks);
        backing.Chunks = chunks;
        _privateBackings++;
        foreach (Chunk chunk in chunks)
        {
            for (ulong frame = chunk.Frame; frame < chunk.Range.End; frame++, page++)
            {
                if (!keeps && isShared(frame))
                {
                    MaterializeShared(frame);
                    StorePage(frame).CopyTo(PageIn(memory, page));
                    Uncover(new FrameRange(frame, 1));
                    continue;
                }

                if (IsRawZero(frame))
                {
                    Materialize(frame);
                }

                if ((_flags[frame] & (byte)FrameFlags.Dirty) != 0)
                {
                    StorePage(frame).CopyTo(PageIn(memory, page));
                    StorePage(frame).Clear();
                    _flags[frame] = (byte)FrameFlags.Plain;
                }
            }
        }
    }

    /// <summary>The frames' bytes go back to the store; the memfd keeps a copy.</summary>
    public void Detach(PrivateBacking backing)
    {
        nint memory = backing.Address().Value;
        foreach ((ulong start, ulong length) in backing.DataRuns())
        {
            TakeData(backing, memory, Page.FrameOf(start), Page.FrameOf(start + length));
        }

        _chunks.Remove(backing.Slot, backing.Chunks);
        ForgetHoles(backing.Slot);
        _privateBackings--;
    }

    /// <summary>The buffer is gone: its frames keep their bytes, and every mapping of the memfd reads zeros from now on.</summary>
    public void RemovePrivateBacking(PrivateBacking backing)
    {
        if (!_disposed)
        {
            Detach(backing);
        }

        backing.Revoke();
    }

    // The pages from one on and before another of the memfd that are the frames' bytes at the moment.
    private void TakeData(PrivateBacking backing, nint memory, ulong from, ulong end)
    {
        ulong page = 0;
        foreach (Chunk chunk in backing.Chunks)
        {
            for (ulong at = Math.Max(page, from); at < Math.Min(page + chunk.Pages, end); at++)
            {
                ulong frame = chunk.Frame + (at - page);
                if (ReferenceEquals(_chunks.Find(frame, out _, out _), backing))
                {
                    PageIn(memory, at).CopyTo(StorePage(frame));
                    _flags[frame] = (byte)(FrameFlags.Plain | FrameFlags.Dirty);
                }
            }

            page += chunk.Pages;
        }
    }

    private bool IsShownTwice(Chunk[] chunks)
    {
        var seen = new HashSet<ulong>();
        foreach (Chunk chunk in chunks)
        {
            if (!seen.Add(chunk.Frame) || _chunks.Find(chunk.Frame, out _, out _) is not null)
            {
                return true;
            }
        }

        return false;
    }

    // Before frames become shared, and before the host plays with them: what native processes have mapped of them goes to the store.
    private bool Lend(FrameRange range)
    {
        bool lent = false;
        for (FrameRange rest = range; rest.Count > 0 && _privateBackings > 0;)
        {
            FrameRange run = NextRun(rest, out MemoryBacking? backing, out ulong page);
            if (backing is PrivateBacking)
            {
                TakeFrom(backing, page, run);
                Uncover(run);
                lent = true;
            }

            rest = new FrameRange(run.End, rest.Count - run.Count);
        }

        return lent;
    }

    // The mapping shows what the pages hold now that they are shared.
    private void ShowLent(FrameRange range)
    {
        foreach (BackingHole hole in _holes)
        {
            ulong first = Math.Max(hole.Frames.First, range.First);
            ulong end = Math.Min(hole.Frames.End, range.End);
            if (first >= end || hole.Backing is not PrivateBacking || hole.Backing.Address() is not { Ok: true, Value: var memory })
            {
                continue;
            }

            for (ulong frame = first; frame < end; frame++)
            {
                MaterializeShared(frame);
                StorePage(frame).CopyTo(PageIn(memory, hole.Page + (frame - hole.Frames.First)));
            }
        }
    }

    // SAFETY: the page lies inside the backing's mapping.
    private static Span<byte> PageIn(nint memory, ulong page) => new((byte*)memory + Page.AddressOf(page), (int)Page.Size);
}
