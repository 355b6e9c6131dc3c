namespace CocoGuest.Machine.Tree;

/// <summary>
/// The bus of sysfs that the devices of drivers without hardware are on, as data (S-GPU-27).
/// Models: what is read of such a device. Does not model: other devices of the bus, attributes that only take writes.
/// </summary>
/// <param name="Name">Name of the bus, and of the folder of its devices.</param>
/// <param name="Driver">Driver that binds its devices; null: none does.</param>
/// <param name="Attributes">Files of a device: name, text ({name} is the device's), writable by root.</param>
internal sealed record SysfsBus(string Name, string? Driver, IReadOnlyList<(string File, string Text, bool Writable)> Attributes)
{
    /// <summary>Devices that software makes, up to kernel 6.12.</summary>
    public static readonly SysfsBus Platform = new(
        "platform", null,
        [("uevent", "MODALIAS=platform:{name}\n", true), ("modalias", "platform:{name}\n", false), ("driver_override", "(null)\n", true)]);

    /// <summary>The bus for devices that are none; its one driver binds them all.</summary>
    public static readonly SysfsBus Faux = new("faux", "faux_driver", [("uevent", "DRIVER=faux_driver\n", true)]);

    /// <summary>Folder of the bus.</summary>
    public string Folder => $"/sys/bus/{Name}";

    /// <summary>Folder of the driver, or null.</summary>
    public string? DriverFolder => Driver is null ? null : $"{Folder}/drivers/{Driver}";

    /// <summary>Folder of a device.</summary>
    public string DeviceFolder(string device) => $"/sys/devices/{Name}/{device}";
}
