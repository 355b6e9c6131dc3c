using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Processes;

namespace CocoGuest.Machine;

/// <summary>
/// pin_user_pages: what a driver does that wants the pages of a program's memory.
/// Models: the checks per mapping in their order (S-PIN-01), the short count (S-PIN-03), pages that stay while pinned (S-PIN-06).
/// Does not model: hugetlb, DAX, secret memory, moving pages out of CMA (nothing anonymous lies there).
/// </summary>
public sealed class GuestPins
{
    /// <summary>Most pages in one pin: EINVAL beyond.</summary>
    public const ulong MostPages = 1UL << 18;

    private readonly Guest _guest;
    private readonly Dictionary<ulong, (GuestProcess Owner, OwnPage[] Pages)> _pins = [];
    private ulong _lastId;

    internal GuestPins(Guest guest) => _guest = guest;

    /// <summary>Pages pinned at this moment, over all pins.</summary>
    public int PinnedPages
    {
        get
        {
            lock (_guest.Gate)
            {
                return _pins.Values.Sum(p => p.Pages.Length);
            }
        }
    }

    /// <summary>Pins the pages of a range of a process' memory.</summary>
    /// <param name="process">The caller.</param>
    /// <param name="address">First byte; its page is the first one.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="write">The driver will write (FOLL_WRITE).</param>
    /// <returns>
    /// The pinned pages from the start, as many as there could be (S-PIN-03). EFAULT if none: unmapped, by page-frame number (S-PIN-02), or
    /// without the right; EINVAL for an empty or too large range; ENOMEM without free pages.
    /// </returns>
    public Result<UserPin> Pin(GuestProcess process, ulong address, ulong length, bool write)
    {
        lock (_guest.Gate)
        {
            if (_guest.CheckAlive(process) is { } dead)
            {
                return dead;
            }

            ulong first = address & ~Page.OffsetMask;
            if (length == 0 || address + length < address || (Wanted(first) >> Page.Shift) > MostPages)
            {
                return new Failure(Errno.EINVAL, "pin_user_pages", "check range",
                    $"{length} bytes at 0x{address:x} are none, wrap, or are more than {MostPages} pages.", "length");
            }

            var pages = new List<OwnPage>();
            Failure? stop = Collect(process, first, first + Wanted(first), write, pages);
            return pages.Count == 0 ? stop! : Keep(process, pages, Wanted(first) >> Page.Shift);
        }

        ulong Wanted(ulong from) => Page.AlignUp(address + length - from);
    }

    /// <summary>unpin_user_pages: ENOENT for a pin that is not this process'.</summary>
    public Failure? Unpin(GuestProcess process, ulong id)
    {
        lock (_guest.Gate)
        {
            if (_guest.CheckAlive(process) is { } dead)
            {
                return dead;
            }

            if (!_pins.TryGetValue(id, out (GuestProcess Owner, OwnPage[] Pages) pin) || !ReferenceEquals(pin.Owner, process))
            {
                return new Failure(Errno.ENOENT, "unpin_user_pages", "look up pin", $"This process has no pin {id}.", "pin");
            }

            Drop(id, pin.Pages);
            return null;
        }
    }

    /// <summary>The end of a process: its drivers let go.</summary>
    internal void DropAll(GuestProcess process)
    {
        foreach ((ulong id, (_, OwnPage[] pages)) in _pins.Where(p => ReferenceEquals(p.Value.Owner, process)).OrderBy(p => p.Key).ToArray())
        {
            Drop(id, pages);
        }
    }

    private Failure? Collect(GuestProcess process, ulong start, ulong end, bool write, List<OwnPage> pages)
    {
        for (ulong at = start; at < end; at += Page.Size)
        {
            Vma? vma = process.Addresses.Find(at);
            if (Refusal(vma, at, write) is { } refused)
            {
                return refused;
            }

            Result<OwnPage> page = _guest.Mappings.PageFor(process, vma!, at);
            if (!page.Ok)
            {
                return page.Failure;
            }

            pages.Add(page.Value);
        }

        return null;
    }

    // S-PIN-01, in its order.
    private static Failure? Refusal(Vma? vma, ulong at, bool write) =>
        vma is null ? Fault(at, "nothing is mapped there")
        : vma.ByPageFrame ? Fault(at, "the mapping is by page-frame number, VM_IO and VM_PFNMAP (S-PIN-02)")
        : write && !vma.Protection.HasFlag(MapProtection.Write) ? Fault(at, "the mapping is not writable")
        : !write && !vma.Protection.HasFlag(MapProtection.Read) ? Fault(at, "the mapping is not readable")
        : null;

    private static Failure Fault(ulong at, string why) =>
        new(Errno.EFAULT, "pin_user_pages", "check mapping", $"The page at 0x{at:x} cannot be pinned: {why} (S-PIN-01).", "address");

    private UserPin Keep(GuestProcess process, List<OwnPage> pages, ulong wanted)
    {
        pages.ForEach(p => p.Pins++);
        _pins.Add(++_lastId, (process, [.. pages]));
        return new UserPin(_lastId, [.. pages.Select(p => Page.AddressOf(p.Frame))], wanted);
    }

    private void Drop(ulong id, OwnPage[] pages)
    {
        _pins.Remove(id);
        foreach (OwnPage page in pages)
        {
            page.Pins--;
            _guest.Mappings.FreeIfUnused(page);
        }
    }
}
