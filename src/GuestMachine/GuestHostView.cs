using CocoGuest.Machine.Memory;
using CocoGuest.Machine.PageState;
using CocoGuest.Machine.PageState.Views;

namespace CocoGuest.Machine;

/// <summary>
/// The untrusted host's view of a guest: raw memory as the platform shows it, and page states.
/// Models: host reads (S-PLAT-10 to 12). Does not model: host writes, conversions that the host makes by itself.
/// </summary>
public sealed class GuestHostView
{
    private readonly Guest _guest;

    internal GuestHostView(Guest guest) => _guest = guest;

    /// <summary>Address behind the last byte of RAM.</summary>
    public ulong EndAddress => _guest.Memory.Layout.EndAddress;

    /// <summary>Reads guest-physical memory without the guest's key.</summary>
    /// <returns>EFAULT outside RAM; EINVAL beyond 1 MiB; EOWNERDEAD when the guest was destroyed.</returns>
    public Failure? Read(ulong address, Span<byte> target)
    {
        using var plan = new AccessPlan();
        lock (_guest.Gate)
        {
            Failure? failure = _guest.CheckNotDestroyed() ?? Guest.CheckAccessLength("read_host_memory", (ulong)target.Length);
            if (failure is null && !_guest.Memory.Layout.Contains(address, (ulong)target.Length))
            {
                failure = new Failure(Errno.EFAULT, "read_host_memory", "check address",
                    $"0x{address:x} + {target.Length} is not RAM of this guest (it ends at 0x{EndAddress:x}).", "address");
            }

            failure ??= _guest.Access.Plan(plan, ViewAccessor.HostRead, address, (ulong)target.Length, write: false, "read_host_memory");
            if (failure is not null)
            {
                return failure;
            }
        }

        plan.Read(target);
        _guest.Copies.AddHostRead(target.Length);
        return null;
    }

    /// <summary>Page states of the RAM in a range as runs of equal pages, at most <paramref name="maxRuns"/>; the hole below 4 GiB has none.</summary>
    /// <param name="address">Page-aligned start.</param>
    /// <param name="length">Bytes, whole pages; 0: to the end of RAM.</param>
    /// <param name="maxRuns">Where to cut the answer.</param>
    /// <returns>EINVAL for an unaligned or outlying range.</returns>
    public Result<IReadOnlyList<PageStateRun>> PageStates(ulong address, ulong length, int maxRuns)
    {
        lock (_guest.Gate)
        {
            if (_guest.CheckNotDestroyed() is { } dead)
            {
                return dead;
            }

            if (!Page.IsAligned(address) || !Page.IsAligned(length) || address >= EndAddress || length > EndAddress - address)
            {
                return new Failure(Errno.EINVAL, "get_page_states", "check range",
                    $"0x{address:x} + {length} is not a page-aligned range below 0x{EndAddress:x}.",
                    Page.IsAligned(address) && address < EndAddress ? "length" : "address");
            }

            ulong bytes = length == 0 ? EndAddress - address : length;
            return RamIn(address, bytes).SelectMany(_guest.Pages.Runs).Take(maxRuns).ToArray();
        }
    }

    private IEnumerable<FrameRange> RamIn(ulong address, ulong bytes)
    {
        ulong first = Page.FrameOf(address);
        ulong end = first + (bytes >> Page.Shift);
        foreach (FrameRange ram in _guest.Memory.Layout.Ranges)
        {
            ulong from = Math.Max(first, ram.First);
            ulong to = Math.Min(end, ram.End);
            if (from < to)
            {
                yield return new FrameRange(from, to - from);
            }
        }
    }
}
