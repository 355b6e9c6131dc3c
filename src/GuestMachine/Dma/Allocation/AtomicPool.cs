namespace CocoGuest.Machine.Dma.Allocation;

/// <summary>
/// Memory that was decrypted in advance for allocations that may not sleep (S-DMA-60, S-DMA-74): first fit by page, never converted again.
/// Does not model: growth in the background, one pool a zone.
/// </summary>
/// <param name="start">Guest-physical address.</param>
/// <param name="pages">Pages.</param>
/// <param name="shared">Its pages are shared.</param>
internal sealed class AtomicPool(ulong start, int pages, bool shared)
{
    private readonly bool[] _used = new bool[pages];

    /// <summary>Its pages are shared (S-DMA-74).</summary>
    public bool Shared => shared;

    /// <summary>Takes pages in a row; false when there are none.</summary>
    public bool TryTake(ulong count, out ulong phys)
    {
        int run = 0;
        for (int i = 0; i < _used.Length; i++)
        {
            run = _used[i] ? 0 : run + 1;
            if ((ulong)run == count)
            {
                int first = i + 1 - run;
                _used.AsSpan(first, run).Fill(true);
                phys = start + ((ulong)first << Memory.Frames.Page.Shift);
                return true;
            }
        }

        phys = 0;
        return false;
    }

    /// <summary>Gives pages back.</summary>
    public void Give(ulong phys, ulong count) => _used.AsSpan((int)((phys - start) >> Memory.Frames.Page.Shift), (int)count).Clear();
}
