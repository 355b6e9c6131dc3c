using System.Numerics;
using CocoGuest.V1;

namespace CocoGuest.RdmaImporter.Keys;

/// <summary>
/// The translation table of a memory region.
/// Models: S-RDMA-34 (entries) with the kernel's choice of the page size (S-RDMA-35), S-PIN-31 (the entries that cover the region).
/// Does not model: several table levels, null entries.
/// A request's address is split by the page size; entry i is the DMA address of page i, counted from the page that holds the first byte.
/// A wrong mapping shows as wrong bytes or as a DMA fault, never as an error here.
/// </summary>
internal sealed class TranslationTable
{
    /// <summary>Smallest page of the device.</summary>
    public const ulong MinPage = 4096;

    private readonly ulong[] _entries;
    private readonly int _shift;

    private TranslationTable(ulong iova, ulong length, int shift, ulong[] entries)
    {
        Iova = iova;
        Length = length;
        _shift = shift;
        _entries = entries;
    }

    /// <summary>First address that requests use.</summary>
    public ulong Iova { get; }

    /// <summary>Bytes of the region.</summary>
    public ulong Length { get; }

    /// <summary>Bytes of a page.</summary>
    public ulong PageSize => 1UL << _shift;

    /// <summary>DMA address of each page.</summary>
    public IReadOnlyList<ulong> Entries => _entries;

    /// <summary>Builds the table of a region.</summary>
    /// <param name="segments">The DMA segments of the whole buffer, in buffer order.</param>
    /// <param name="offset">Where the region starts in the buffer.</param>
    /// <param name="length">Bytes, more than 0, inside the buffer.</param>
    /// <param name="iova">First address that requests use; agrees with <paramref name="offset"/> below 4096.</param>
    /// <param name="maxPage">Largest page of the device, a power of two from 4096 up.</param>
    /// <returns>The table, or null when no page size fits; drivers return EINVAL then.</returns>
    public static TranslationTable? Build(IReadOnlyList<DmaSegment> segments, ulong offset, ulong length, ulong iova, ulong maxPage)
    {
        List<(ulong Address, ulong Length)> covered = Cover(segments, offset, length);
        ulong inPage = offset & (MinPage - 1);
        if (ChoosePage(covered, inPage, length, iova, maxPage) is not { } page)
            return null;
        int shift = BitOperations.Log2(page);
        ulong first = iova >> shift;
        ulong[] entries = new ulong[((iova + (length - 1)) >> shift) - first + 1];
        // va of a segment's start, counted from the region's first byte less its offset in its 4 KiB page.
        ulong va = iova - inPage;
        foreach ((ulong address, ulong bytes) in covered)
        {
            for (ulong done = 0UL; done < bytes;)
            {
                ulong index = ((va + done) >> shift) - first;
                ulong intoPage = (va + done) & (page - 1);
                // Each page is written by the segment that holds its first byte; the first page may begin before the region.
                if (index < (ulong)entries.Length && (intoPage == 0 || (index == 0 && done == 0)))
                    entries[index] = address + done - intoPage;
                done += page - intoPage;
            }

            va += bytes;
        }

        return new TranslationTable(iova, length, shift, entries);
    }

    /// <summary>Where an address of the region is on the bus.</summary>
    /// <param name="iova">An address inside the region.</param>
    /// <returns>The DMA address, and the bytes to the end of the page.</returns>
    public (ulong DmaAddress, ulong Room) Translate(ulong iova)
    {
        ulong inPage = iova & (PageSize - 1);
        return (_entries[(iova >> _shift) - (Iova >> _shift)] + inPage, PageSize - inPage);
    }

    // S-RDMA-35: bits that must be zero in a page's offset are collected in a mask; its lowest set bit bounds the page size.
    private static ulong? ChoosePage(List<(ulong Address, ulong Length)> covered, ulong inPage, ulong length, ulong iova, ulong maxPage)
    {
        int varying = 64 - BitOperations.LeadingZeroCount((iova + (length - 1)) ^ iova);
        ulong supported = (maxPage << 1) - MinPage;
        // A page larger than the region needs no more than the bits that vary inside it.
        ulong mask = varying >= 64 ? 0 : supported & ~((1UL << varying) - 1);
        ulong va = iova;
        ulong end = 0UL;
        for (int i = 0; i < covered.Count; i++)
        {
            (ulong address, ulong bytes) = covered[i];
            ulong skip = i == 0 ? inPage : 0;
            if (i == 0 || address != end)
                mask |= (address + skip) ^ va | (i == 0 ? 0 : va);
            va += bytes - skip;
            end = address + bytes;
        }

        int zeros = mask == 0 ? 63 : BitOperations.TrailingZeroCount(mask);
        ulong fitting = supported & (zeros >= 63 ? ulong.MaxValue : (2UL << zeros) - 1);
        return fitting == 0 ? null : 1UL << BitOperations.Log2(fitting);
    }

    // S-PIN-31: the pieces of the DMA segments that cover the region, rounded out to 4 KiB.
    private static List<(ulong Address, ulong Length)> Cover(IReadOnlyList<DmaSegment> segments, ulong offset, ulong length)
    {
        ulong from = offset & ~(MinPage - 1);
        ulong to = (offset + length + MinPage - 1) & ~(MinPage - 1);
        var covered = new List<(ulong, ulong)>();
        ulong start = 0UL;
        foreach (DmaSegment segment in segments)
        {
            (ulong low, ulong high) = (Math.Max(from, start), Math.Min(to, start + segment.Length));
            if (low < high)
                covered.Add((segment.DmaAddress + (low - start), high - low));
            start += segment.Length;
        }

        return covered;
    }
}
