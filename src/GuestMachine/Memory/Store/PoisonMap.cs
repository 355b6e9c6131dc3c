using CocoGuest.Machine.Memory.Frames;

namespace CocoGuest.Machine.Memory.Store;

/// <summary>
/// Lines of private memory that a write from outside broke, silently, until somebody reads them (S-PLAT-12, S-PLAT-14, S-ENC-05).
/// Models: 64-byte lines; on TDX whole lines that the guest really wrote are good again; converted frames are.
/// Does not model: MAC collisions.
/// </summary>
/// <remarks>It has a lock of its own, since bytes are written outside the guest's.</remarks>
internal sealed class PoisonMap
{
    private const int LineShift = 6;
    private const ulong LineSize = 1UL << LineShift;
    private const ulong LinesOfPage = Page.Size >> LineShift;

    private readonly Lock _lock = new();
    private readonly HashSet<ulong> _lines = [];
    private volatile int _count;

    /// <summary>Broken lines.</summary>
    public int Count => _count;

    /// <summary>The write breaks what its range touches: lines (TDX), or whole pages that were exported to be written (s390).</summary>
    public void Add(ulong address, ulong length, ViewFault fault)
    {
        bool pages = fault == ViewFault.ExportedPageWritten;
        ulong first = pages ? address & ~Page.OffsetMask : address;
        ulong last = pages ? (address + length - 1) | Page.OffsetMask : address + length - 1;
        lock (_lock)
        {
            for (ulong line = first >> LineShift; line <= last >> LineShift; line++)
            {
                _lines.Add(line);
            }

            _count = _lines.Count;
        }
    }

    /// <summary>Whether an access meets a broken line. Changes nothing: an access that faults elsewhere has moved no byte.</summary>
    /// <param name="address">First byte.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="wholeLinesPass">A write that replaces lines as a whole, which does not look at what was there.</param>
    public bool Hits(ulong address, ulong length, bool wholeLinesPass)
    {
        if (_count == 0 || length == 0)
        {
            return false;
        }

        lock (_lock)
        {
            for (ulong line = address >> LineShift; line <= (address + length - 1) >> LineShift; line++)
            {
                if (!(wholeLinesPass && IsWhole(line, address, length)) && _lines.Contains(line))
                {
                    return true;
                }
            }
        }

        return false;
    }

    /// <summary>The guest wrote these bytes: lines that were written as a whole are good again.</summary>
    public void Written(ulong address, ulong length)
    {
        lock (_lock)
        {
            for (ulong line = address >> LineShift; line <= (address + length - 1) >> LineShift; line++)
            {
                if (IsWhole(line, address, length))
                {
                    _lines.Remove(line);
                }
            }

            _count = _lines.Count;
        }
    }

    /// <summary>The frames have new contents.</summary>
    public void Clear(FrameRange range)
    {
        if (_count == 0)
        {
            return;
        }

        ClearLines(range.First * LinesOfPage, range.End * LinesOfPage);
    }

    // A method of its own: a closure is made where the method begins, and every conversion calls Clear.
    private void ClearLines(ulong first, ulong end)
    {
        lock (_lock)
        {
            _lines.RemoveWhere(line => line >= first && line < end);
            _count = _lines.Count;
        }
    }

    private static bool IsWhole(ulong line, ulong address, ulong length) =>
        line << LineShift >= address && (line << LineShift) + LineSize <= address + length;
}
