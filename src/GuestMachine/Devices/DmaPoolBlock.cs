namespace CocoGuest.Machine.Devices;

/// <summary>A block of a pool.</summary>
/// <param name="Allocation">The allocation that it lies in, for the driver's CPU.</param>
/// <param name="Offset">Where it lies there.</param>
/// <param name="DmaAddress">For the device, and to give it back.</param>
public readonly record struct DmaPoolBlock(ulong Allocation, ulong Offset, ulong DmaAddress);
