using System.Globalization;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.PageState.Views;
using CocoGuest.Machine.Processes;

namespace CocoGuest.Machine;

/// <content>Loads, stores and single touches through mappings.</content>
public sealed partial class GuestMappings
{
    /// <summary>CPU read through a mapping into <paramref name="target"/>.</summary>
    /// <returns>EFAULT outside mappings, without PROT_READ, or where the view faults; EINVAL beyond 1 MiB.</returns>
    public Failure? Load(GuestProcess process, ulong address, Span<byte> target)
    {
        using var plan = new AccessPlan();
        MemoryFile held;
        lock (_guest.Gate)
        {
            Result<Vma?> found = FindFor(process, address, (ulong)target.Length, MapProtection.Read, "load");
            if (!found.Ok || found.Value is not { } vma)
            {
                return found.Failure;
            }

            if (vma.HasOwnPages)
            {
                return LoadOwn(process, vma, address, target);
            }

            held = vma.Buffer!;
            if (PlanShared(plan, vma, address, (ulong)target.Length, write: false, "load") is { } failure)
            {
                return failure;
            }
        }

        plan.Read(target);
        Done(held);
        _guest.Copies.AddLoad(target.Length);
        return null;
    }

    /// <summary>CPU write through a mapping.</summary>
    /// <returns>EFAULT outside mappings, without PROT_WRITE, or where the view faults; ENOMEM for a copy on write; EINVAL beyond 1 MiB.</returns>
    public Failure? Store(GuestProcess process, ulong address, ReadOnlySpan<byte> source)
    {
        using var plan = new AccessPlan();
        MemoryFile held;
        lock (_guest.Gate)
        {
            Result<Vma?> found = FindFor(process, address, (ulong)source.Length, MapProtection.Write, "store");
            if (!found.Ok || found.Value is not { } vma)
            {
                return found.Failure;
            }

            if (vma.HasOwnPages)
            {
                return StoreOwn(process, vma, address, source);
            }

            held = vma.Buffer!;
            if (PlanShared(plan, vma, address, (ulong)source.Length, write: true, "store") is { } failure)
            {
                return failure;
            }
        }

        plan.Write(source);
        Done(held);
        _guest.Copies.AddStore(source.Length);
        return null;
    }

    /// <summary>One byte read or written, as a program would see it: done, or the signal it gets.</summary>
    public TouchResult Touch(GuestProcess process, ulong address, bool write)
    {
        lock (_guest.Gate)
        {
            if (_guest.CheckAlive(process) is not null || process.Addresses.Find(address) is not { } vma)
            {
                return TouchResult.NotMapped;
            }

            // On x86 what is writable can be read; execute-only memory is guarded by a protection key.
            MapProtection has = vma.Protection;
            bool allowed = write
                ? has.HasFlag(MapProtection.Write)
                : (has & (MapProtection.Read | MapProtection.Write)) != 0;
            if (!allowed)
            {
                return has == MapProtection.Execute ? TouchResult.ProtectionKey : TouchResult.NoRight;
            }
        }

        Span<byte> one = stackalloc byte[1];
        Failure? failure = Load(process, address, one);
        failure = failure is null && write ? Store(process, address, one) : failure;
        return failure is null ? TouchResult.Done : TouchResult.Bus;
    }

    // Null, without a failure, for a length of 0.
    private Result<Vma?> FindFor(GuestProcess process, ulong address, ulong length, MapProtection right, string operation)
    {
        if ((_guest.CheckAlive(process) ?? Guest.CheckAccessLength(operation, length)) is { } refused)
        {
            return refused;
        }

        if (length == 0)
        {
            return (Vma?)null;
        }

        Vma? vma = process.Addresses.Find(address);
        MapProtection readable = MapProtection.Read | MapProtection.Write;
        bool allowed = vma is not null
            && (right == MapProtection.Write ? vma.Protection.HasFlag(MapProtection.Write) : (vma.Protection & readable) != 0);
        if (vma is not null && allowed && length <= vma.End - address)
        {
            return vma;
        }

        return new Failure(Errno.EFAULT, operation, "look up mapping", vma is null
            ? $"Address 0x{address:x} is not mapped."
            : string.Create(CultureInfo.InvariantCulture,
                $"The mapping 0x{vma.Start:x}-0x{vma.End:x} ({vma.Protection}) does not allow this {operation} of {length} bytes at 0x{address:x}."),
            "address");
    }

    // On success the buffer is held until Done.
    private Failure? PlanShared(AccessPlan plan, Vma vma, ulong address, ulong length, bool write, string operation)
    {
        MemoryFile buffer = vma.Buffer!;
        Failure? failure = _guest.Access.Plan(plan, AccessorOf(buffer), buffer, vma.Offset + (address - vma.Start), length, write, operation);
        if (failure is not null)
        {
            return failure;
        }

        buffer.References++;
        if (buffer is DmaBuf exported)
        {
            exported.Accesses++;
        }

        return null;
    }

    private static ViewAccessor AccessorOf(MemoryFile buffer) =>
        buffer.Shared ? ViewAccessor.GuestSharedMapping : ViewAccessor.GuestPrivateMapping;

    private void Done(MemoryFile held)
    {
        lock (_guest.Gate)
        {
            if (held is DmaBuf exported)
            {
                exported.Accesses--;
                _guest.Moves.Settle(exported);
            }

            GuestFiles.Put(held);
        }
    }
}
