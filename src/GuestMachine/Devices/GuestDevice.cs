using CocoGuest.Machine.Dma.Mapping;
using CocoGuest.Machine.Files;

namespace CocoGuest.Machine.Devices;

/// <summary>A simulated device, as the process that registered it knows it.</summary>
public sealed class GuestDevice
{
    internal GuestDevice(DmaDevice dma, DeviceSpec spec, GuestProcess owner)
    {
        Dma = dma;
        Spec = spec;
        Owner = owner;
    }

    /// <summary>Unique name in the guest, for example <c>0000:01:00.0</c>.</summary>
    public string Name => Spec.Name;

    /// <summary>What the device was registered as.</summary>
    public DeviceSpec Spec { get; }

    /// <summary>The process that registered it; the device goes with it.</summary>
    public GuestProcess Owner { get; }

    internal DmaDevice Dma { get; }
}
