using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Rdma;

namespace CocoGuest.Tests.Machine.Properties.Simulation;

/// <content>RDMA: devices, protection domains, memory regions over user memory and over dma-bufs.</content>
internal sealed partial class Episode
{
    private const int MostRdmaDevices = 4;
    private readonly List<string> _links = [];
    private readonly List<(GuestProcess Process, uint Pd)> _domains = [];
    private readonly List<(GuestProcess Process, uint Key)> _regions = [];

    private void AddRdmaDevice()
    {
        if (_links.Count >= MostRdmaDevices)
        {
            return;
        }

        (GuestProcess owner, string? dmaDevice) = Pick(_devices, out (GuestProcess Process, string Name) device) && _dice.OneIn(2)
            ? device
            : (Somebody(), (string?)null);
        Result<RdmaDevice> result = _guest.Rdma.AddDevice(owner, $"link{++_names}", dmaDevice);
        if (Note(result))
        {
            _links.Add(result.Value.Name);
        }
    }

    private void AllocPd()
    {
        if (_domains.Count >= FewThings)
        {
            DeallocPd();
        }
        else if (Pick(_links, out string link))
        {
            GuestProcess process = Somebody();
            Result<uint> result = _guest.Rdma.AllocPd(process, link);
            if (Note(result))
            {
                _domains.Add((process, result.Value));
            }
        }
    }

    private void DeallocPd()
    {
        if (Take(_domains, out (GuestProcess Process, uint Pd) domain))
        {
            Failure? failure = _guest.Rdma.DeallocPd(domain.Process, domain.Pd);
            Note(failure);
            if (failure?.Errno == Errno.EBUSY)
            {
                _domains.Add(domain);
            }
        }
    }

    private void RegisterMr()
    {
        if (_regions.Count > 2 * FewThings)
        {
            DeregisterMr();
        }
        else if (Pick(_domains, out (GuestProcess Process, uint Pd) domain)
            && PickOf(domain.Process, _vmas, v => v.Process, out (GuestProcess Process, ulong Address, ulong Length) vma))
        {
            ulong length = _dice.OneIn(30) ? Odd[_dice.Below(Odd.Length)] : 1 + (ulong)_dice.Below((int)Math.Min(vma.Length, 1 << 14));
            ulong iova = vma.Address + (_dice.OneIn(20) ? 8UL : 0);
            KeepRegion(domain.Process, _guest.Rdma.RegisterMr(domain.Process, domain.Pd, vma.Address, length, iova, Access()));
        }
    }

    private void RegisterDmaBufMr()
    {
        if (_regions.Count > 2 * FewThings)
        {
            DeregisterMr();
        }
        else if (Pick(_domains, out (GuestProcess Process, uint Pd) domain)
            && PickOf(domain.Process, _fds, f => f.Process, out (GuestProcess Process, int Fd, ulong Size) fd))
        {
            ulong offset = _dice.OneIn(3) ? (ulong)_dice.Below((int)fd.Size) : 0;
            ulong length = _dice.OneIn(30) ? Odd[_dice.Below(Odd.Length)] : fd.Size - offset;
            KeepRegion(domain.Process, _guest.Rdma.RegisterDmaBufMr(domain.Process, domain.Pd, fd.Fd, offset, length, offset, Access()));
        }
    }

    private void DeregisterMr()
    {
        if (Take(_regions, out (GuestProcess Process, uint Key) region))
        {
            Note(_guest.Rdma.DeregisterMr(region.Process, region.Key));
        }
    }

    private RdmaAccess Access() => _dice.OneIn(20) ? (RdmaAccess)_dice.Bits()
        : _dice.OneIn(4) ? RdmaAccess.RemoteRead
        : RdmaAccess.LocalWrite | RdmaAccess.RemoteWrite;

    private void KeepRegion(GuestProcess process, Result<MemoryRegion> result)
    {
        if (Note(result))
        {
            _digest.Add(result.Value.Key);
            Keep(_regions, (process, result.Value.Key));
        }
    }

    // One of the list that is the process', if a few looks find one.
    private bool PickOf<T>(GuestProcess process, List<T> list, Func<T, GuestProcess> owner, out T picked)
    {
        for (int tries = 0; tries < 6; tries++)
        {
            if (Pick(list, out picked) && ReferenceEquals(owner(picked), process))
            {
                return true;
            }
        }

        picked = default!;
        return false;
    }
}
