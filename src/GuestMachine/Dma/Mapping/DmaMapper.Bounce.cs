using CocoGuest.Machine.Diagnostics;
using CocoGuest.Machine.Dma.Swiotlb;
using CocoGuest.Machine.Memory;

namespace CocoGuest.Machine.Dma.Mapping;

/// <content>The swiotlb side of the mapper: S-SWI-30..45, S-SWI-80, 81.</content>
public sealed partial class DmaMapper
{
    private ulong MapBounced(DmaDevice device, ulong phys, ulong size, DmaAttributes attributes, out DmaMapError error)
    {
        _trace?.Bounced(device, _encoding.Private(phys), size);
        if (device.Pool is not { } pool)
        {
            WarnNoPool(device);
            error = DmaMapError.NoPool;
            return Error;
        }

        if (_environment.MemEncrypt)
        {
            WarnEncryptionActive();
        }

        if (!PoolFits(device, pool))
        {
            error = DmaMapError.PoolKind;
            return Error;
        }

        SwiotlbConstraints wants = device.Constraints;
        ulong bounce = Faults?.Fails(FaultPoint.FailSwiotlb, size) == true ? SwiotlbPool.NoAddress : pool.Allocate(phys, size, wants);
        if (bounce == SwiotlbPool.NoAddress)
        {
            if ((attributes & DmaAttributes.NoWarn) == 0)
            {
                WarnFull(device, pool, wants.AllocationSize(phys, size));
            }

            error = DmaMapError.PoolFull;
            return Error;
        }

        device.BouncedOnce();
        CopyBounced(device, pool, bounce, size, BounceWay.ToBounce);

        // Up to 7.2 the address is always the unencrypted form; in 7.3 it follows the pool (S-SWI-30, S-SWI-81).
        bool unencrypted = !device.Rules.FollowsSharedState || pool.Shared;
        ulong dma = unencrypted ? _encoding.Unencrypted(bounce) : _encoding.Private(bounce);
        if (dma + (size - 1) > device.Limit || (!unencrypted && device.RefusesPrivate))
        {
            pool.Release(bounce);
            WarnBounceOverflow(device, dma, size);
            error = DmaMapError.BounceOverflow;
            return Error;
        }

        _bounced++;
        error = DmaMapError.None;
        return dma;
    }

    /// <summary>S-SWI-80: 7.3 refuses a pool whose kind does not fit the device.</summary>
    private bool PoolFits(DmaDevice device, SwiotlbPool pool) =>
        !device.Rules.FollowsSharedState
        || (_environment.HostMemEncrypt ? pool.Shared : !_environment.GuestMemEncrypt || pool.Shared == device.ForceUnencrypted);

    private void CopyIfBounced(DmaDevice device, ulong dma, ulong size, BounceWay way)
    {
        if (device.Pool is { } pool && _encoding.Physical(dma) is var phys && pool.Contains(phys))
        {
            CopyBounced(device, pool, phys, size, way);
        }
    }

    private void CopyBounced(DmaDevice device, SwiotlbPool pool, ulong bounce, ulong size, BounceWay way)
    {
        ulong copied = pool.Copy(bounce, size, way, device.Options.MinAlignMask);
        if (copied != size)
        {
            WarnCut(device, copied, size);
        }
    }
}
