using System.Globalization;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Gate;
using CocoGuest.Machine.Memory.Store;
using CocoGuest.Machine.PageState.Views;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine.Mappings;

/// <content>Loads, stores and single touches through mappings.</content>
public sealed partial class GuestMappings
{
    /// <summary>CPU read through a mapping into <paramref name="target"/>.</summary>
    /// <returns>EFAULT outside mappings, without PROT_READ, or where the view faults; EINVAL beyond 1 MiB.</returns>
    public Failure? Load(GuestProcess process, ulong address, Span<byte> target)
    {
        using var plan = new AccessPlan();
        MemoryFile held;
        using (_gate.Hold())
        {
            Result<Vma?> found = FindFor(process, address, (ulong)target.Length, MapProtection.Read, "load");
            if (!found.Ok || found.Value is not { } vma)
            {
                return found.Failure;
            }

            if (!IsZeroCopy(vma, address, target.Length))
            {
                return LoadByPages(process, address, target);
            }

            held = vma.Buffer!;
            if (PlanShared(plan, vma, address, (ulong)target.Length, write: false, "load") is { } failure)
            {
                return failure;
            }
        }

        plan.Read(target);
        Done(held);
        _core.Copies.AddLoad(target.Length);
        return null;
    }

    /// <summary>CPU write through a mapping.</summary>
    /// <returns>
    /// EFAULT outside mappings, without PROT_WRITE, or where the view faults; ENOMEM for a copy on write; EINVAL beyond 1 MiB.
    /// </returns>
    public Failure? Store(GuestProcess process, ulong address, ReadOnlySpan<byte> source)
    {
        using var plan = new AccessPlan();
        MemoryFile held;
        Action? writeBack;
        using (_gate.Hold())
        {
            Result<Vma?> found = FindFor(process, address, (ulong)source.Length, MapProtection.Write, "store");
            if (!found.Ok || found.Value is not { } vma)
            {
                return found.Failure;
            }

            if (!IsZeroCopy(vma, address, source.Length))
            {
                return StoreByPages(process, address, source);
            }

            held = vma.Buffer!;
            if (PlanShared(plan, vma, address, (ulong)source.Length, write: true, "store") is { } failure)
            {
                return failure;
            }

            writeBack = _core.Hooks.BeforeStore?.Invoke(plan, source.Length);
        }

        plan.Write(source);
        writeBack?.Invoke();
        Done(held);
        _core.Copies.AddStore(source.Length);
        return null;
    }

    /// <summary>One byte read or written, as a program would see it: done, or the signal it gets.</summary>
    public TouchResult Touch(GuestProcess process, ulong address, bool write)
    {
        using (CallScope call = _gate.Enter(process))
        {
            if (call.Refused is not null || process.Addresses.Find(address) is not { } vma)
            {
                return TouchResult.NotMapped;
            }

            // Execute-only memory is guarded by a protection key.
            if (!Allows(vma, write ? MapProtection.Write : MapProtection.Read))
            {
                return vma.Protection == MapProtection.Execute ? TouchResult.ProtectionKey : TouchResult.NoRight;
            }
        }

        Span<byte> one = stackalloc byte[1];
        Failure? failure = Load(process, address, one);
        failure = failure is null && write ? Store(process, address, one) : failure;
        return failure is null ? TouchResult.Done : TouchResult.Bus;
    }

    // One shared mapping by page-frame number: resolved under the lock, copied outside it. Everything else goes page by page.
    private static bool IsZeroCopy(Vma vma, ulong address, int length) =>
        vma is { ByPageFrame: true, Private: false } && (ulong)length <= vma.End - address;

    // The first of the mappings that the range touches; all of them have to allow it. Null, without a failure, for a length of 0.
    private Result<Vma?> FindFor(GuestProcess process, ulong address, ulong length, MapProtection right, string operation)
    {
        if ((_gate.Begin(process) ?? GuestLimits.CheckAccessLength(operation, length)) is { } refused)
        {
            return refused;
        }

        if (length == 0)
        {
            return (Vma?)null;
        }

        Vma? first = process.Addresses.Find(address);
        ulong left = length;
        ulong at = address;
        for (Vma? vma = first; ; vma = process.Addresses.Find(at))
        {
            if (vma is null || !Allows(vma, right))
            {
                return NoAccess(vma, operation, at);
            }

            ulong part = vma.End - at;
            if (left <= part)
            {
                return first;
            }

            left -= part;
            at = vma.End;
        }
    }

    // On x86 what is writable can be read.
    private static bool Allows(Vma vma, MapProtection right) => right == MapProtection.Write
        ? vma.Protection.HasFlag(MapProtection.Write)
        : (vma.Protection & (MapProtection.Read | MapProtection.Write)) != 0;

    private static Failure NoAccess(Vma? vma, string operation, ulong address) =>
        new(Errno.EFAULT, operation, "look up mapping", vma is null
            ? $"Address 0x{address:x} is not mapped."
            : string.Create(CultureInfo.InvariantCulture,
                $"The mapping 0x{vma.Start:x}-0x{vma.End:x} ({vma.Protection}) does not allow this {operation} at 0x{address:x}."),
            "address");

    // On success the buffer is held until Done.
    private Failure? PlanShared(AccessPlan plan, Vma vma, ulong address, ulong length, bool write, string operation)
    {
        MemoryFile buffer = vma.Buffer!;
        Failure? failure = _core.Access.Plan(
            plan, AccessorOf(buffer), buffer.Chunks, vma.Offset + (address - vma.Start), length, write, operation);
        if (failure is null)
        {
            buffer.References++;
            buffer.AccessBegins();
        }

        return failure;
    }

    private static ViewAccessor AccessorOf(MemoryFile buffer) =>
        buffer.Shared ? ViewAccessor.GuestSharedMapping : ViewAccessor.GuestPrivateMapping;

    private void Done(MemoryFile buffer)
    {
        using Lock.Scope held = _gate.Hold();
        buffer.AccessEnds();
        GuestFiles.Put(buffer);
    }
}
