using CocoGuest.Machine.Files;

namespace CocoGuest.Machine.Devices;

/// <summary>What this room keeps of a process.</summary>
internal static class ProcessDevices
{
    private static readonly ProcessState<DmaHoldings> DmaSlot = new(static _ => new DmaHoldings());
    private static readonly ProcessState<List<GuestDevice>> DevicesSlot = new(static _ => []);

    extension(GuestProcess process)
    {
        /// <summary>What its drivers hold of the DMA API.</summary>
        internal DmaHoldings Dma => DmaSlot.Of(process);

        /// <summary>Its devices, in the order of registration.</summary>
        internal List<GuestDevice> Devices => DevicesSlot.Of(process);
    }
}
