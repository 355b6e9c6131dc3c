using CocoGuest.Machine.Abi;
using CocoGuest.Machine.PageState;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Tests.Machine.PageState;

/// <summary>
/// The statements again, page by page and list by list, written to be obviously right and not to be fast. Shares nothing with the
/// trackers but the words. Guests below 1 GiB; a VMM that discards, answers by exit number and has events by exit number.
/// </summary>
internal sealed class NaiveGuest
{
    private const int Large = 512;

    private readonly Platform _platform;
    private readonly Func<int, VmmAnswer> _answer;
    private readonly Func<int, bool> _pending;
    private int _asked;

    public NaiveGuest(Platform platform, int frames, Func<int, VmmAnswer> answer, Func<int, bool> pending)
    {
        _platform = platform;
        _answer = answer;
        _pending = pending;
        Pages = [.. Enumerable.Range(0, frames).Select(frame => new NaivePage
        {
            DirectMap = frame < frames / Large * Large ? MappingSize.Size2M : MappingSize.Size4K,
            HostEntryIs4K = frame >= frames / Large * Large,
        })];
    }

    public NaivePage[] Pages { get; }

    public bool Terminated { get; private set; }

    public ulong Pvalidates { get; private set; }

    public ulong Mismatches { get; private set; }

    public ulong Batches { get; private set; }

    public ulong HostSplits { get; private set; }

    public ulong DirectMapSplits { get; private set; }

    public ulong MapGpaCalls { get; private set; }

    public ulong AcceptCalls { get; private set; }

    public ulong PagesAccepted { get; private set; }

    public ulong PlatformCalls { get; private set; }

    public ulong Exits { get; private set; }

    public Errno Convert(int first, int count, bool toShared)
    {
        switch (_platform)
        {
            case Platform.Sev or Platform.SevEs:
                ChangePtes(first, count, toShared);
                Hypercalls(first, count, toShared);
                return Errno.None;
            case Platform.SevSnp or Platform.SevSnpVtom when toShared:
                if (!PageStateChange(first, count, toShared))
                    return Errno.EOWNERDEAD;
                ChangePtes(first, count, toShared);
                return Errno.None;
            case Platform.SevSnp or Platform.SevSnpVtom:
                ChangePtes(first, count, toShared);
                return PageStateChange(first, count, toShared) ? Errno.None : Errno.EOWNERDEAD;
            case Platform.CcaRealm:
                return SetRipas(first, count, toShared);
            case Platform.S390:
                return Share(first, count, toShared);
            case Platform.Tdx when toShared:
                ChangePtes(first, count, toShared);
                return MapGpa(first, count, toShared) ? Errno.None : Errno.EIO;
            default:
                if (!MapGpa(first, count, toShared) || !Accept(first, count))
                    return Errno.EIO;
                ChangePtes(first, count, toShared);
                return Errno.None;
        }
    }

    private void ChangePtes(int first, int count, bool toShared)
    {
        for (int frame = first; frame < first + count; frame++)
        {
            NaivePage page = Pages[frame];
            if (page.PteShared == toShared)
                continue;
            int entry = frame / Large * Large;
            if (page.DirectMap == MappingSize.Size2M && (entry < first || entry + Large > first + count))
            {
                DirectMapSplits++;
                for (int i = entry; i < entry + Large; i++)
                    Pages[i].DirectMap = MappingSize.Size4K;
            }
            page.PteShared = toShared;
        }
    }

    private void Hypercalls(int first, int count, bool toShared)
    {
        HashSet<(int, MappingSize)> entries = [];
        for (int frame = first; frame < first + count; frame++)
        {
            MappingSize size = Pages[frame].DirectMap;
            entries.Add((size == MappingSize.Size2M ? frame / Large * Large : frame, size));
        }
        foreach ((int start, MappingSize size) in entries)
        {
            Ask();
            for (int frame = start; frame < start + (size == MappingSize.Size2M ? Large : 1); frame++)
                (Pages[frame].Told, Pages[frame].ToldShared) = (true, toShared);
        }
    }

    private bool PageStateChange(int first, int count, bool toShared)
    {
        List<(int Frame, int Pages)> entries = [];
        for (int frame = first; frame < first + count;)
        {
            int pages = frame % Large == 0 && first + count - frame >= Large ? Large : 1;
            entries.Add((frame, pages));
            frame += pages;
        }
        foreach ((int Frame, int Pages)[] batch in entries.Chunk(64))
        {
            bool done = toShared
                ? batch.All(entry => Pvalidate(entry.Frame, entry.Pages, false)) && Psc(batch, toShared)
                : Psc(batch, toShared) && batch.All(entry => Pvalidate(entry.Frame, entry.Pages, true));
            if (!done)
            {
                Terminated = true;
                return false;
            }
        }
        return true;
    }

    private bool Pvalidate(int frame, int pages, bool validate)
    {
        Pvalidates++;
        if (pages == Large && Pages[frame].HostEntryIs4K)
        {
            Mismatches++;
            return Enumerable.Range(frame, Large).All(single => Pvalidate(single, 1, validate));
        }
        if (pages == 1)
            Smash(frame, !Pages[frame].HostShared);
        if (Pages[frame].HostShared || Pages[frame].Validated == validate)
            return false;
        for (int i = frame; i < frame + pages; i++)
            Pages[i].Validated = validate;
        return true;
    }

    private bool Psc((int Frame, int Pages)[] batch, bool toShared)
    {
        Batches++;
        for (int i = 0; i < batch.Length;)
        {
            int next = i + 1;
            while (next < batch.Length && batch[next].Pages == batch[i].Pages)
                next++;
            if (Ask() != VmmAnswer.Ok)
                return false;
            for (; i < next; i++)
            {
                for (int frame = batch[i].Frame; frame < batch[i].Frame + batch[i].Pages; frame++)
                    SetHost(frame, toShared, partial: batch[i].Pages == 1);
            }
        }
        return true;
    }

    private bool MapGpa(int first, int count, bool toShared)
    {
        int start = first;
        int stuck = 0;
        while (stuck < 3)
        {
            MapGpaCalls++;
            int at = start;
            VmmAnswer answer = VmmAnswer.Ok;
            while (at < first + count)
            {
                int pages = Math.Min(Large, first + count - at);
                answer = Ask();
                if (answer != VmmAnswer.Ok)
                    break;
                for (int frame = at; frame < at + pages; frame++)
                {
                    int entry = frame / Large * Large;
                    SetHost(frame, toShared, partial: entry < at || entry + Large > at + pages);
                }
                at += pages;
                if (at < first + count && _pending(_asked))
                {
                    answer = VmmAnswer.Again;
                    break;
                }
            }
            if (answer != VmmAnswer.Again)
                return answer == VmmAnswer.Ok;
            stuck = at == start ? stuck + 1 : 0;
            start = at;
        }
        return false;
    }

    // S-CCA-03, 04, S-SETM-43: entries invalid with the alias bit of the new side, one call after another until the top, entries valid.
    private Errno SetRipas(int first, int count, bool toShared)
    {
        for (int frame = first; frame < first + count; frame++)
            (Pages[frame].PteShared, Pages[frame].PteInvalid) = (toShared, true);
        for (int at = first; at < first + count;)
        {
            PlatformCalls++;
            VmmAnswer answer = Ask();
            if (answer == VmmAnswer.Invalid)
                return Errno.EINVAL;
            if (answer == VmmAnswer.Again)
                continue;
            for (; at < first + count; at++)
                Pages[at].HostShared = toShared;
        }
        for (int frame = first; frame < first + count; frame++)
            Pages[frame].PteInvalid = false;
        return Errno.None;
    }

    // S-S390-01, 02: one call a page; the first refusal is a panic. The seam to the host asks once for all of them.
    private Errno Share(int first, int count, bool toShared)
    {
        bool refused = Ask() != VmmAnswer.Ok;
        PlatformCalls += refused ? 1u : (ulong)count;
        Exits += refused ? 0 : (ulong)count - 1;
        Terminated = refused;
        for (int frame = first; frame < first + count && !refused; frame++)
            (Pages[frame].HostShared, Pages[frame].PteShared) = (toShared, toShared);
        return refused ? Errno.EOWNERDEAD : Errno.None;
    }

    private VmmAnswer Ask()
    {
        Exits++;
        return _answer(_asked++);
    }

    private bool Accept(int first, int count)
    {
        for (int frame = first; frame < first + count;)
        {
            if (frame % Large == 0 && first + count - frame >= Large)
            {
                AcceptCalls++;
                if (!Pages[frame].HostEntryIs4K && !Pages[frame].Validated)
                {
                    for (int i = 0; i < Large; i++)
                        Pages[frame++].Validated = true;
                    PagesAccepted += Large;
                    continue;
                }
            }
            AcceptCalls++;
            if (!Pages[frame].HostEntryIs4K || Pages[frame].Validated)
                return false;
            Pages[frame++].Validated = true;
            PagesAccepted++;
        }
        return true;
    }

    private void SetHost(int frame, bool toShared, bool partial)
    {
        NaivePage page = Pages[frame];
        if (page.HostShared == toShared)
            return;
        if (partial)
            Smash(frame, !page.HostShared);
        page.HostShared = toShared;
        page.Validated = false;
    }

    private void Smash(int frame, bool present)
    {
        if (Pages[frame].HostEntryIs4K)
            return;
        HostSplits += present ? 1u : 0u;
        int entry = frame / Large * Large;
        for (int i = entry; i < entry + Large; i++)
            Pages[i].HostEntryIs4K = true;
    }
}
