using CocoGuest.Machine.Memory.Frames;

namespace CocoGuest.Machine.Memory.Encryption;

/// <summary>
/// Keeps the tweaks of pages in use, which halves the AES work on them. Direct mapped by the low bits of the page number.
/// <para>A page is taken in at its second miss in a row on its slot: a stream over many pages then neither fills the cache nor
/// evicts what is hot. Threads share it without locks: entries are immutable and published by reference; two threads that
/// write one slot at once cost one of them its entry, nothing else.</para>
/// <para>Bound: 256 pages of 4 KiB of tweaks and tables of 4 KiB, about 1 MiB, allocated as pages come in.</para>
/// </summary>
internal sealed class TweakCache(XexKernel kernel)
{
    private const int Slots = 256;

    private readonly TweakPage?[] _pages = new TweakPage?[Slots];

    // Page + 1 of the last miss on each slot; 0 for none.
    private readonly ulong[] _missed = new ulong[Slots];

    /// <summary>Tweaks of the page, or empty when it is not worth keeping yet.</summary>
    /// <param name="page">Physical address / 4096.</param>
    public ReadOnlySpan<byte> Find(ulong page)
    {
        int slot = (int)(page % Slots);
        TweakPage? entry = Volatile.Read(ref _pages[slot]);
        return entry is not null && entry.Page == page ? entry.Tweaks : Miss(page, slot);
    }

    private ReadOnlySpan<byte> Miss(ulong page, int slot)
    {
        if (Volatile.Read(ref _missed[slot]) != page + 1)
        {
            Volatile.Write(ref _missed[slot], page + 1);
            return default;
        }
        byte[] tweaks = GC.AllocateUninitializedArray<byte>((int)Page.Size);
        kernel.MakeTweaks(page << (Page.Shift - 4), tweaks);
        Volatile.Write(ref _pages[slot], new TweakPage(page, tweaks));
        return tweaks;
    }
}
