using CocoGuest.Machine.PageState.Views;

namespace CocoGuest.Machine.Memory;

/// <summary>
/// Lines of private memory that a write from outside broke, silently, until somebody reads them (S-PLAT-12, S-PLAT-14, S-ENC-05).
/// Models: 64-byte lines; whole lines written by the guest are good again, so are converted frames. Does not model: MAC collisions.
/// </summary>
internal sealed class PoisonMap
{
    private const int LineShift = 6;
    private const ulong LineSize = 1UL << LineShift;
    private const ulong LinesOfPage = Page.Size >> LineShift;

    private readonly HashSet<ulong> _lines = [];

    /// <summary>Broken lines.</summary>
    public int Count => _lines.Count;

    /// <summary>The write breaks what its range touches: lines (TDX), or whole pages that were exported to be written (s390).</summary>
    public void Add(ulong address, ulong length, ViewFault fault)
    {
        bool pages = fault == ViewFault.ExportedPageWritten;
        ulong first = pages ? address & ~Page.OffsetMask : address;
        ulong last = pages ? (address + length - 1) | Page.OffsetMask : address + length - 1;
        for (ulong line = first >> LineShift; line <= last >> LineShift; line++)
        {
            _lines.Add(line);
        }
    }

    /// <summary>Whether a read, or a write of a part of a line, meets a broken line. A write of whole lines makes them good.</summary>
    public bool Hits(ulong address, ulong length, bool write)
    {
        if (_lines.Count == 0 || length == 0)
        {
            return false;
        }

        bool hit = false;
        for (ulong line = address >> LineShift; line <= (address + length - 1) >> LineShift; line++)
        {
            bool whole = write && line << LineShift >= address && (line << LineShift) + LineSize <= address + length;
            hit |= whole ? false : _lines.Contains(line);
            if (whole)
            {
                _lines.Remove(line);
            }
        }

        return hit;
    }

    /// <summary>The frames have new contents.</summary>
    public void Clear(FrameRange range)
    {
        if (_lines.Count == 0)
        {
            return;
        }

        ulong first = range.First * LinesOfPage;
        ulong end = range.End * LinesOfPage;
        _lines.RemoveWhere(line => line >= first && line < end);
    }
}
