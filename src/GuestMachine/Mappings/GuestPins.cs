using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Core;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Gate;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.Memory.Store;
using CocoGuest.Machine.PageState.Views;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine.Mappings;

/// <summary>
/// pin_user_pages: what a driver does that wants the pages of a program's memory, and the calls that go through it.
/// Models: the checks per mapping in their order (S-PIN-01), the short count (S-PIN-03), pages that stay while pinned (S-PIN-06), what
/// other users of it give (S-PIN-08). Does not model: hugetlb, DAX, secret memory, signals (S-PIN-04); no page that can be pinned lies in
/// CMA or a movable zone, so a long-term pin moves nothing (S-PIN-07).
/// </summary>
public sealed class GuestPins
{
    /// <summary>Most pages in one pin: EINVAL beyond.</summary>
    public const ulong MostPages = 1UL << 18;

    private readonly GuestCore _core;
    private readonly GuestGate _gate;
    private readonly GuestMappings _mappings;
    private readonly Dictionary<ulong, (GuestProcess Owner, PinnedPage[] Pages, bool Own)> _pins = [];
    private ulong _lastId;

    internal GuestPins(GuestCore core, ProcessTable processes, GuestMappings mappings)
    {
        _core = core;
        _gate = core.Gate;
        _mappings = mappings;
        processes.Holders.Add(ProcessRelease.Pins, DropAll);
    }

    /// <summary>Pages pinned at this moment, over all pins.</summary>
    public int PinnedPages
    {
        get
        {
            using Lock.Scope held = _gate.Hold();
            return _pins.Values.Sum(p => p.Pages.Length);
        }
    }

    /// <summary>Pinned pages, one for each pin.</summary>
    internal IEnumerable<PinnedPage> Pinned => _pins.Values.SelectMany(p => p.Pages);

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
        using CallScope call = _gate.Enter(process);
        return call.Refused is { } dead ? dead : PinRange(process, address, length, write, own: true);
    }

    /// <summary>unpin_user_pages: ENOENT for a pin that is not this process', or that a memory region has.</summary>
    public Failure? Unpin(GuestProcess process, ulong id)
    {
        using CallScope call = _gate.Enter(process);
        if (call.Refused is { } dead)
        {
            return dead;
        }

        if (!_pins.TryGetValue(id, out (GuestProcess Owner, PinnedPage[] Pages, bool Own) pin)
            || !ReferenceEquals(pin.Owner, process) || !pin.Own)
        {
            return new Failure(Errno.ENOENT, "unpin_user_pages", "look up pin", $"This process has no pin {id}.", "pin");
        }

        Drop(id);
        return null;
    }

    /// <summary>process_vm_readv, vmsplice, O_DIRECT writes: the kernel reads user memory through pins (S-PIN-08).</summary>
    /// <returns>Bytes read from the start; EFAULT if the first page cannot be pinned.</returns>
    public Result<int> Read(GuestProcess process, ulong address, Span<byte> target)
    {
        using Lock.Scope held = _gate.Hold();
        using var plan = new AccessPlan();
        Result<int> planned = PlanPinned(process, address, target.Length, write: false, plan);
        if (planned.Ok)
        {
            plan.Read(target[..planned.Value]);
        }

        return planned;
    }

    /// <summary>process_vm_writev, O_DIRECT reads: the kernel writes user memory through pins (S-PIN-08).</summary>
    /// <returns>Bytes written from the start; EFAULT if the first page cannot be pinned.</returns>
    public Result<int> Write(GuestProcess process, ulong address, ReadOnlySpan<byte> source)
    {
        using Lock.Scope held = _gate.Hold();
        using var plan = new AccessPlan();
        Result<int> planned = PlanPinned(process, address, source.Length, write: true, plan);
        if (planned.Ok)
        {
            plan.Write(source[..planned.Value]);
        }

        return planned;
    }

    /// <summary>pread of /proc/PID/mem: as <see cref="Read"/>, and what cannot be pinned is EIO (S-BUF-36).</summary>
    public Result<int> ReadProcMem(GuestProcess process, ulong address, Span<byte> target) => AsIo(Read(process, address, target));

    /// <summary>pwrite of /proc/PID/mem: as <see cref="Write"/>, and what cannot be pinned is EIO (S-BUF-36).</summary>
    public Result<int> WriteProcMem(GuestProcess process, ulong address, ReadOnlySpan<byte> source) =>
        AsIo(Write(process, address, source));

    /// <summary>As <see cref="Pin"/>, under the lock. A pin that is not the process' own goes by <see cref="Drop"/> alone.</summary>
    internal Result<UserPin> PinRange(GuestProcess process, ulong address, ulong length, bool write, bool own = false)
    {
        ulong first = address & ~Page.OffsetMask;
        ulong end = Page.AlignUp(address + length);
        if (length == 0 || address + length < address || end <= first || (end - first) >> Page.Shift > MostPages)
        {
            return new Failure(Errno.EINVAL, "pin_user_pages", "check range",
                $"{length} bytes at 0x{address:x} are none, wrap, or are more than {MostPages} pages.", "length");
        }

        var pages = new List<PinnedPage>();
        Failure? stop = Collect(process, first, end, write, pages);
        if (pages.Count != 0 && process.Alive)
        {
            return Keep(process, pages, (end - first) >> Page.Shift, own);
        }

        // None, or the OOM killer took the process on the way.
        pages.ForEach(Release);
        return stop ?? new Failure(Errno.ENOMEM, "pin_user_pages", "fault", "The process was killed for lack of memory.");
    }

    /// <summary>Lets go of a pin.</summary>
    internal void Drop(ulong id)
    {
        _pins.Remove(id, out (GuestProcess Owner, PinnedPage[] Pages, bool Own) pin);
        foreach (PinnedPage page in pin.Pages)
        {
            Release(page);
        }
    }

    /// <summary>The scatter table of a pin: neighbouring pages are one entry (S-PIN-21).</summary>
    internal SgEntry[] Table(ulong id)
    {
        var entries = new List<SgEntry>();
        foreach (PinnedPage page in _pins[id].Pages)
        {
            ulong address = Page.AddressOf(page.Frame);
            if (entries.Count > 0 && entries[^1] is var last && last.Phys + last.Length == address)
            {
                entries[^1] = last with { Length = last.Length + Page.Size };
            }
            else
            {
                entries.Add(new SgEntry(address, Page.Size));
            }
        }

        return [.. entries];
    }

    /// <summary>The end of a process: its drivers let go.</summary>
    internal void DropAll(GuestProcess process)
    {
        foreach (ulong id in _pins.Where(p => ReferenceEquals(p.Value.Owner, process)).Select(p => p.Key).Order().ToArray())
        {
            Drop(id);
        }
    }

    private Failure? Collect(GuestProcess process, ulong start, ulong end, bool write, List<PinnedPage> pages)
    {
        for (ulong at = start; at < end; at += Page.Size)
        {
            Vma? vma = process.Addresses.Find(at);
            if (Refusal(vma, at, write) is { } refused)
            {
                return refused;
            }

            Result<PinnedPage> page = _mappings.PageToPin(process, vma!, at);
            if (!page.Ok)
            {
                return page.Failure;
            }

            // At once: what follows may not take it away.
            page.Value.Hold();
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

    private UserPin Keep(GuestProcess process, List<PinnedPage> pages, ulong wanted, bool own)
    {
        _pins.Add(++_lastId, (process, [.. pages], own));
        return new UserPin(_lastId, [.. pages.Select(p => Page.AddressOf(p.Frame))], wanted);
    }

    private void Release(PinnedPage page)
    {
        if (page.Own is not null)
        {
            page.Own.Pins--;
            _mappings.FreeIfUnused(page.Own);
        }
        else
        {
            page.File!.Put(page.Block!);
        }
    }

    // Pages are held for the copy alone.
    private Result<int> PlanPinned(GuestProcess process, ulong address, int length, bool write, AccessPlan plan)
    {
        if ((_gate.Begin(process) ?? GuestLimits.CheckAccessLength("pin_user_pages", (ulong)length)) is { } refused)
        {
            return refused;
        }

        if (length == 0)
        {
            return 0;
        }

        Result<UserPin> pin = PinRange(process, address, (ulong)length, write);
        if (!pin.Ok)
        {
            return pin.Failure;
        }

        int bytes = (int)Math.Min((ulong)length, ((ulong)pin.Value.Pages.Count << Page.Shift) - (address & Page.OffsetMask));
        Failure? failure = PlanPages(plan, pin.Value.Pages, address & Page.OffsetMask, (ulong)bytes, write);
        Drop(pin.Value.Id);
        return failure is null ? bytes : failure;
    }

    private Failure? PlanPages(AccessPlan plan, IReadOnlyList<ulong> pages, ulong offset, ulong length, bool write)
    {
        foreach (ulong page in pages)
        {
            ulong part = Math.Min(length, Page.Size - offset);
            if (_core.Access.Plan(plan, ViewAccessor.GuestPrivateMapping, page + offset, part, write, "pin_user_pages") is { } failure)
            {
                return failure;
            }

            length -= part;
            offset = 0;
        }

        return null;
    }

    private static Result<int> AsIo(Result<int> result) =>
        result.Ok || result.Failure.Errno != Errno.EFAULT ? result : result.Failure with { Errno = Errno.EIO };
}
