using CocoGuest.Machine.Files;

namespace CocoGuest.Machine.Mappings;

/// <summary>What this room keeps of a process.</summary>
internal static class ProcessMappings
{
    private static readonly ProcessState<AddressSpace> AddressesSlot = new(static p => new AddressSpace(p.Core.Limits.MappingsPerProcess));

    extension(GuestProcess process)
    {
        /// <summary>Its address space.</summary>
        internal AddressSpace Addresses => AddressesSlot.Of(process);
    }
}
