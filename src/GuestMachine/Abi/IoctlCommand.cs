namespace CocoGuest.Machine.Abi;

/// <summary>An ioctl command taken apart: number 8 bits, type 8, size 14, direction 2.</summary>
/// <param name="Value">The whole command.</param>
public readonly record struct IoctlCommand(uint Value)
{
    private const int TypeShift = 8;
    private const int SizeShift = 16;
    private const int DirectionShift = 30;
    private const uint SizeMask = 0x3fff;
    private const uint UserWritesBit = 1;
    private const uint UserReadsBit = 2;

    /// <summary>Type and number: what is the same in a command whose size or direction bits vary.</summary>
    public const uint KeyMask = 0xffff;

    /// <summary>Number in its type.</summary>
    public uint Number => Value & 0xff;

    /// <summary>Type letter.</summary>
    public uint Type => (Value >> TypeShift) & 0xff;

    /// <summary>Size of the argument, in bytes.</summary>
    public int Size => (int)((Value >> SizeShift) & SizeMask);

    /// <summary>_IOC_WRITE: user space gives data to the kernel.</summary>
    public bool UserWrites => ((Value >> DirectionShift) & UserWritesBit) != 0;

    /// <summary>_IOC_READ: user space gets data from the kernel.</summary>
    public bool UserReads => ((Value >> DirectionShift) & UserReadsBit) != 0;

    /// <summary>_IOC: puts a command together.</summary>
    /// <param name="direction">1: user writes, 2: user reads, 3: both, 0: neither.</param>
    /// <param name="type">Type letter.</param>
    /// <param name="number">Number.</param>
    /// <param name="size">Bytes of the argument, at most 16383.</param>
    public static IoctlCommand Of(uint direction, uint type, uint number, uint size) =>
        new((direction << DirectionShift) | ((size & SizeMask) << SizeShift) | ((type & 0xff) << TypeShift) | (number & 0xff));
}
