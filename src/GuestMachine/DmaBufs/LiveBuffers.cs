namespace CocoGuest.Machine.DmaBufs;

/// <summary>
/// The guest's live buffers, newest first, as bufinfo shows them (S-BUF-101). A list through the buffers themselves: no allocations.
/// </summary>
internal sealed class LiveBuffers
{
    private DmaBuf? _newest;

    /// <summary>How many.</summary>
    public int Count { get; private set; }

    /// <summary>Adds a buffer as the newest.</summary>
    public void Add(DmaBuf buffer)
    {
        buffer.Older = _newest;
        if (_newest is not null)
        {
            _newest.Newer = buffer;
        }

        _newest = buffer;
        Count++;
    }

    /// <summary>Takes a buffer out.</summary>
    public void Remove(DmaBuf buffer)
    {
        if (buffer.Newer is { } newer)
        {
            newer.Older = buffer.Older;
        }
        else
        {
            _newest = buffer.Older;
        }

        if (buffer.Older is { } older)
        {
            older.Newer = buffer.Newer;
        }

        buffer.Newer = buffer.Older = null;
        Count--;
    }

    /// <summary>All of them, newest first.</summary>
    public IEnumerable<DmaBuf> NewestFirst()
    {
        for (DmaBuf? buffer = _newest; buffer is not null; buffer = buffer.Older)
        {
            yield return buffer;
        }
    }
}
