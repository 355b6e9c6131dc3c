using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Core;
using CocoGuest.Machine.Gate;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.Memory.Store;
using CocoGuest.Machine.PageState;
using CocoGuest.Machine.PageState.Views;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine.Host;

/// <summary>
/// The untrusted host's view of a guest: raw memory as the platform shows it, and page states.
/// Models: host reads and writes (S-PLAT-10 to 14). What the host does to page states is <see cref="GuestVmm"/>.
/// </summary>
public sealed class HostView
{
    private readonly GuestCore _core;
    private readonly GuestGate _gate;

    internal HostView(GuestCore core)
    {
        _core = core;
        _gate = core.Gate;
    }

    /// <summary>Address behind the last byte of RAM.</summary>
    public ulong EndAddress => _core.Memory.Layout.EndAddress;

    /// <summary>Reads guest-physical memory without the guest's key.</summary>
    /// <returns>EFAULT outside RAM; EINVAL beyond 1 MiB; EOWNERDEAD when the guest was destroyed.</returns>
    public Failure? Read(ulong address, Span<byte> target)
    {
        using var plan = new AccessPlan();
        using (_gate.Hold())
        {
            Failure? failure = _gate.CheckNotDestroyed() ?? GuestLimits.CheckAccessLength("read_host_memory", (ulong)target.Length);
            if (failure is null && !_core.Memory.Layout.Contains(address, (ulong)target.Length))
            {
                failure = new Failure(Errno.EFAULT, "read_host_memory", "check address",
                    $"0x{address:x} + {target.Length} is not RAM of this guest (it ends at 0x{EndAddress:x}).", "address");
            }

            failure ??= _core.Access.Plan(plan, ViewAccessor.HostRead, address, (ulong)target.Length, write: false, "read_host_memory");
            if (failure is not null)
            {
                return failure;
            }
        }

        plan.Read(target);
        _core.Copies.AddHostRead(target.Length);
        return null;
    }

    /// <summary>
    /// Writes guest-physical memory without the guest's key. SEV: private blocks decrypt to garbage. TDX: private lines are poisoned; s390,
    /// powerpc: exported pages lose their integrity; both silently, the next reader meets it.
    /// Elsewhere the host faults on private pages and nothing moves.
    /// </summary>
    /// <returns>EFAULT outside RAM or where the host faults; EINVAL beyond 1 MiB; EOWNERDEAD when the guest was destroyed.</returns>
    public Failure? Write(ulong address, ReadOnlySpan<byte> source)
    {
        using var plan = new AccessPlan();
        var kept = new List<(int Offset, int Length)>();
        using (_gate.Hold())
        {
            if ((_gate.CheckNotDestroyed() ?? GuestLimits.CheckAccessLength("write_host_memory", (ulong)source.Length)) is { } refused)
            {
                return refused;
            }

            if (!_core.Memory.Layout.Contains(address, (ulong)source.Length))
            {
                return new Failure(Errno.EFAULT, "write_host_memory", "check address",
                    $"0x{address:x} + {source.Length} is not RAM of this guest (it ends at 0x{EndAddress:x}).", "address");
            }

            for (int done = 0; done < source.Length;)
            {
                ulong at = address + (ulong)done;
                int part = (int)Math.Min((ulong)(source.Length - done), Page.Size - (at & Page.OffsetMask));
                ViewCell cell = _core.Access.CellOf(ViewAccessor.HostWrite, Page.FrameOf(at));
                if (cell.Fault is ViewFault.PoisonedLine or ViewFault.ExportedPageWritten)
                {
                    _core.Memory.Poison.Add(at, (ulong)part, cell.Fault);
                }
                else if (_core.Access.Plan(plan, ViewAccessor.HostWrite, at, (ulong)part, write: true, "write_host_memory") is { } fault)
                {
                    return fault;
                }
                else
                {
                    kept.Add((done, part));
                }

                done += part;
            }
        }

        byte[] bytes = new byte[kept.Sum(k => k.Length)];
        int to = 0;
        foreach ((int offset, int length) in kept)
        {
            source.Slice(offset, length).CopyTo(bytes.AsSpan(to));
            to += length;
        }

        plan.Write(bytes);
        return null;
    }

    /// <summary>
    /// Page states of the RAM in a range as runs of equal pages, at most <paramref name="maxRuns"/>; the hole below 4 GiB has none.
    /// </summary>
    /// <param name="address">Page-aligned start.</param>
    /// <param name="length">Bytes, whole pages; 0: to the end of RAM.</param>
    /// <param name="maxRuns">Where to cut the answer.</param>
    /// <returns>EINVAL for an unaligned or outlying range.</returns>
    public Result<IReadOnlyList<PageStateRun>> PageStates(ulong address, ulong length, int maxRuns)
    {
        using Lock.Scope held = _gate.Hold();
        if (_gate.CheckNotDestroyed() is { } dead)
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
        return RamIn(address, bytes).SelectMany(_core.Pages.Runs).Take(maxRuns).ToArray();
    }

    private IEnumerable<FrameRange> RamIn(ulong address, ulong bytes)
    {
        ulong first = Page.FrameOf(address);
        ulong end = first + (bytes >> Page.Shift);
        foreach (FrameRange ram in _core.Memory.Layout.Ranges)
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
