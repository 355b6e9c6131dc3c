using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Fences;
using CocoGuest.Machine.Files;

namespace CocoGuest.Tests.Machine.Properties.Simulation;

/// <content>Fences: timelines, sync files, imports and exports, vgem fences of a process, waits.</content>
internal sealed partial class Episode
{
    private readonly List<(GuestProcess Process, int Fd)> _timelines = [];
    private readonly List<(GuestProcess Process, int Fd)> _syncs = [];
    private readonly List<(GuestProcess Process, uint Fence)> _fences = [];
    private readonly List<Handle128> _syncTokens = [];
    private readonly List<FenceWait> _waits = [];

    private void CreateTimeline()
    {
        if (_timelines.Count >= FewThings)
        {
            CloseOneOf(_timelines);
            return;
        }

        GuestProcess process = Somebody();
        Result<int> result = _guest.Fences.CreateTimeline(process, new string('t', _dice.Below(34)));
        if (Note(result))
        {
            _timelines.Add((process, result.Value));
        }
    }

    private void CreateFence()
    {
        if (_syncs.Count > 2 * FewThings)
        {
            CloseOneOf(_syncs);
        }
        else if (Pick(_timelines, out (GuestProcess Process, int Fd) timeline))
        {
            uint value = _dice.OneIn(30) ? (uint)_dice.Bits() : (uint)_dice.Below(400);
            KeepSync(timeline.Process, _guest.Fences.CreateFence(timeline.Process, timeline.Fd, value));
        }
    }

    private void AdvanceTimeline()
    {
        if (Pick(_timelines, out (GuestProcess Process, int Fd) timeline))
        {
            Note(_guest.Fences.Advance(timeline.Process, timeline.Fd, _dice.OneIn(40) ? (uint)_dice.Bits() : (uint)_dice.Below(6)));
        }
    }

    private void ExportSyncFile()
    {
        if (_syncs.Count > 2 * FewThings)
        {
            CloseOneOf(_syncs);
        }
        else if (Pick(_fds, out (GuestProcess Process, int Fd, ulong) fd))
        {
            KeepSync(fd.Process, _guest.Buffers.ExportSyncFile(fd.Process, fd.Fd, (uint)_dice.Below(5)));
        }
    }

    private void ImportSyncFile()
    {
        if (Pick(_syncs, out (GuestProcess Process, int Fd) sync)
            && (PickOf(sync.Process, _fds, f => f.Process, out (GuestProcess Process, int Fd, ulong) fd) || Pick(_fds, out fd)))
        {
            Note(_guest.Buffers.ImportSyncFile(fd.Process, fd.Fd, (uint)_dice.Below(5), sync.Fd));
        }
    }

    private void MergeSyncFiles()
    {
        if (Pick(_syncs, out (GuestProcess Process, int Fd) one) && Pick(_syncs, out (GuestProcess Process, int Fd) other))
        {
            KeepSync(one.Process, _guest.Fences.Merge(one.Process, one.Fd, other.Fd));
        }
    }

    private void ShareSyncFile()
    {
        if (Pick(_syncs, out (GuestProcess Process, int Fd) sync))
        {
            Result<Handle128> result = _guest.Fences.ShareSyncFile(sync.Process, sync.Fd, null, TimeSpan.FromSeconds(_dice.Below(100)));
            if (Note(result) && _syncTokens.Count < FewThings)
            {
                _syncTokens.Add(result.Value);
            }
        }
    }

    private void ReceiveSyncFile()
    {
        if (Take(_dice.OneIn(8) ? _tokens : _syncTokens, out Handle128 token))
        {
            GuestProcess process = Somebody();
            KeepSync(process, _guest.Fences.ReceiveSyncFile(process, token));
        }
    }

    private void AttachFence()
    {
        if (Pick(_fds, out (GuestProcess Process, int Fd, ulong) fd))
        {
            Result<uint> result = _guest.Buffers.AttachFence(fd.Process, fd.Fd, (uint)_dice.Below(3));
            if (Note(result))
            {
                Keep(_fences, (fd.Process, result.Value));
            }
        }
    }

    private void SignalFence()
    {
        if (Take(_fences, out (GuestProcess Process, uint Fence) fence))
        {
            Note(_guest.Fences.SignalFence(fence.Process, fence.Fence));
        }
    }

    private void InterruptWait()
    {
        if (Take(_waits, out FenceWait wait))
        {
            _guest.Fences.Interrupt(wait);
        }
    }

    private void AskFences()
    {
        if (_dice.OneIn(2) && Pick(_syncs, out (GuestProcess Process, int Fd) sync))
        {
            Result<SyncFileInfo> info = _guest.Fences.Info(sync.Process, sync.Fd);
            if (Note(info))
            {
                _digest.Add((ulong)info.Value.Status);
            }
        }
        else if (Pick(_fds, out (GuestProcess Process, int Fd, ulong) fd))
        {
            var timeout = TimeSpan.FromSeconds(_dice.Below(3));
            Result<PollAnswer> answer = _guest.Fences.Poll(fd.Process, [new PollEntry(fd.Fd, PollEvents.In | PollEvents.Out)], timeout);
            if (Note(answer))
            {
                _digest.Add((ulong)answer.Value.Ready);
                KeepWait(answer.Value.Wait);
            }
        }
    }

    private void KeepSync(GuestProcess process, Result<int> result)
    {
        if (Note(result))
        {
            _digest.Add((uint)result.Value);
            Keep(_syncs, (process, result.Value));
        }
    }

    private void KeepWait(FenceWait? wait)
    {
        if (wait is not null && _waits.Count < FewThings)
        {
            _waits.Add(wait);
        }
    }
}
