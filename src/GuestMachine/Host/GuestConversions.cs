using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Core;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Gate;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.PageState;
using CocoGuest.Machine.PageState.Trackers;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine.Host;

/// <summary>
/// <c>set_memory_decrypted</c> and <c>set_memory_encrypted</c> as a driver of the guest would call them: by address, or over the chunks of
/// a buffer.
/// Models: the architectures' treatment of misaligned addresses (S-SETM-02, 04, 43, S-PPC-01, S-S390-01), one call a chunk that stops at
/// the first failure, pages that convert under mappings and attachments. Does not model: collapsing of split page tables (S-SETM-45).
/// </summary>
/// <remarks>
/// Only the direct map follows a conversion (S-SETM-32). A user mapping keeps the C-bit or shared bit that it was made with, a DMA mapping
/// its address: both show from then on what the platform gives a stale view (S-PLAT-10 to 14). Bytes of frames that go private leave the
/// buffer's memfd, so another process' old mapping reads zeros there.
/// </remarks>
public sealed class GuestConversions
{
    private readonly GuestCore _core;
    private readonly GuestGate _gate;
    private readonly GuestBuffers _buffers;
    private readonly WatchedTracker _pages;
    private bool _warnedMisaligned;

    internal GuestConversions(GuestCore core, GuestBuffers buffers, WatchedTracker pages)
    {
        _core = core;
        _gate = core.Gate;
        _buffers = buffers;
        _pages = pages;
    }

    /// <summary>One call over a range of the direct map.</summary>
    /// <param name="address">Guest-physical address.</param>
    /// <param name="pages">Number of 4 KiB pages, at least 1.</param>
    /// <param name="direction">Which of the two calls.</param>
    /// <param name="cpu">CPU that calls.</param>
    /// <returns>EINVAL for what is not RAM or no CPU; else how it ended.</returns>
    public Result<ConversionOutcome> Convert(ulong address, ulong pages, ConversionDirection direction, uint cpu)
    {
        using CallScope call = _gate.Enter();
        if ((call.Refused ?? CheckCpu(cpu) ?? CheckDirection(direction)) is { } failure)
        {
            return failure;
        }

        Result<FrameRange> range = pages > ulong.MaxValue >> Page.Shift
            ? new Failure(Errno.EINVAL, "convert_pages", "check pages", $"{pages} pages are more than an address space.", "pages")
            : _core.Memory.Layout.FramesAt(address & ~Page.OffsetMask, pages << Page.Shift, "convert_pages");
        return !range.Ok ? range.Failure
            : !Page.IsAligned(address) && Misaligned(address, direction) is { } odd ? odd
            : Run([range.Value], direction, 0);
    }

    /// <summary>One call for each chunk of a part of a buffer, in order, up to the first failure.</summary>
    /// <param name="process">The caller.</param>
    /// <param name="fd">A dma-buf.</param>
    /// <param name="offset">Byte offset, page-aligned.</param>
    /// <param name="length">Bytes, whole pages; 0: to the end.</param>
    /// <param name="direction">Which of the two calls.</param>
    /// <param name="cpu">CPU that calls.</param>
    /// <returns>EBADF; EINVAL for a wrong range or CPU; else how it ended.</returns>
    public Result<ConversionOutcome> ConvertBuffer(
        GuestProcess process, int fd, ulong offset, ulong length, ConversionDirection direction, uint cpu)
    {
        using Lock.Scope held = _gate.Hold();
        Result<DmaBuf> buffer = _buffers.Find(process, fd, "convert_pages");
        if ((buffer.Failure ?? CheckCpu(cpu) ?? CheckDirection(direction)) is { } failure)
        {
            return failure;
        }

        ulong size = buffer.Value.Size;
        ulong bytes = length == 0 && offset < size ? size - offset : length;
        if (!Page.IsAligned(offset) || !Page.IsAligned(bytes) || offset >= size || bytes > size - offset)
        {
            return new Failure(Errno.EINVAL, "convert_pages", "check range",
                $"offset {offset} and length {length} are not whole pages of a buffer of {size} bytes.", "offset");
        }

        int mapped = buffer.Value.Attachments.Count(a => a.Mapped);
        bool stale = buffer.Value.Shared != (direction == ConversionDirection.ToShared);
        Result<ConversionOutcome> outcome = Run(RangesOf(buffer.Value, offset, bytes), direction, stale ? mapped : 0);
        if (outcome.Ok)
        {
            buffer.Value.ConversionCost = buffer.Value.ConversionCost.Plus(outcome.Value.Cost);
        }

        return outcome;
    }

    private static List<FrameRange> RangesOf(DmaBuf buffer, ulong offset, ulong bytes)
    {
        List<FrameRange> ranges = [];
        ulong start = 0;
        foreach (Chunk chunk in buffer.Chunks)
        {
            ulong from = Math.Max(offset, start);
            ulong to = Math.Min(offset + bytes, start + chunk.Bytes);
            if (from < to)
            {
                ranges.Add(new FrameRange(chunk.Frame + Page.FrameOf(from - start), Page.FrameOf(to - from)));
            }

            start += chunk.Bytes;
        }

        return ranges;
    }

    private ConversionOutcome Run(List<FrameRange> ranges, ConversionDirection direction, int stale)
    {
        ConversionCounters before = _pages.Counters;
        _pages.Cause = PageStateCause.Request;
        Failure? failure = null;
        int calls = 0;
        for (; calls < ranges.Count && failure is null; calls++)
        {
            failure = direction == ConversionDirection.ToShared
                ? _pages.ConvertToShared(ranges[calls])
                : _pages.ConvertToPrivate(ranges[calls]);
        }

        _pages.Cause = PageStateCause.Kernel;
        _core.Memory.PunchHoles();
        ulong shared = 0;
        foreach (FrameRange range in ranges)
        {
            foreach (PageStateRun run in _pages.Runs(range))
            {
                shared += run.State.Condition == PageCondition.Shared ? run.Range.Count : 0;
            }
        }

        _core.NoteTermination();
        return new ConversionOutcome(failure, calls, shared, stale, _pages.Counters - before);
    }

    // What each architecture makes of an address inside a page; null: it goes on with the page.
    private Result<ConversionOutcome>? Misaligned(ulong address, ConversionDirection direction)
    {
        switch (_core.Platform.Platform)
        {
            case Platform.CcaRealm or Platform.Pkvm:
                WarnMisaligned();
                return new ConversionOutcome(null, 0, 0, 0, default);
            case Platform.PowerSvm:
                return new ConversionOutcome(
                    new Failure(Errno.EINVAL, "convert_pages", "check alignment",
                        $"0x{address:x} is not page-aligned (S-PPC-01).", "address"),
                    0, 0, 0, default);
            case Platform.S390:
                _pages.End(GuestTermination.Of(
                    TerminationKind.Panic, $"an ultravisor call with the unaligned address 0x{address:x} (S-S390-01)."));
                _core.NoteTermination();
                return new ConversionOutcome(_gate.Begin(), 0, 0, 0, default);
            case Platform.None or Platform.Lab:
                return null;
            default:
                if (!_warnedMisaligned)
                {
                    WarnMisaligned();
                }

                return null;
        }
    }

    private void WarnMisaligned()
    {
        _warnedMisaligned = true;
        _core.Log.Warn("misaligned address");
    }

    private Failure? CheckCpu(uint cpu) =>
        cpu < _core.Shape.Cpus
            ? null
            : new Failure(Errno.EINVAL, "convert_pages", "check cpu", $"cpu {cpu} is none of the guest's {_core.Shape.Cpus}.", "cpu");

    private static Failure? CheckDirection(ConversionDirection direction) =>
        Enum.IsDefined(direction)
            ? null
            : new Failure(Errno.EINVAL, "convert_pages", "check direction", $"There is no direction {(int)direction}.", "direction");
}
