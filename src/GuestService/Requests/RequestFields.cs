using CocoGuest.Machine.Abi;
using CocoGuest.Machine.PageState;
using CocoGuest.Machine.Profiles;
using CocoGuest.Service.Errors;
using ConversionDirection = CocoGuest.V1.ConversionDirection;
using DmaDirection = CocoGuest.V1.DmaDirection;
using MachineDirection = CocoGuest.Machine.Memory.ConversionDirection;
using MachineDmaDirection = CocoGuest.Machine.Abi.DmaDirection;

namespace CocoGuest.Service.Requests;

/// <summary>
/// Request fields that have to be read before the machine can judge them; a wrong one ends the call with EINVAL and its name.
/// </summary>
internal static class RequestFields
{
    /// <summary>A handle or token: 32 hex digits.</summary>
    public static Handle128 Handle(string text, string field, string operation)
    {
        if (!Handle128.TryParse(text, out Handle128 handle))
        {
            GrpcErrors.Throw(new Failure(Errno.EINVAL, operation, "read " + field,
                $"{field} is not 32 hex digits ({text.Length} characters were given).", field));
        }

        return handle;
    }

    /// <summary>A length of bytes to read: at most 1 MiB, checked before the memory for it is taken.</summary>
    public static byte[] BufferFor(ulong length, string operation)
    {
        if (length > GuestLimits.BytesPerAccess)
        {
            GrpcErrors.Throw(new Failure(Errno.EINVAL, operation, "check length",
                $"length {length} is more than the {GuestLimits.BytesPerAccess} bytes that one call moves.", "length"));
        }

        return GC.AllocateUninitializedArray<byte>((int)length);
    }

    /// <summary>The way of a conversion.</summary>
    public static MachineDirection Direction(ConversionDirection direction, string operation)
    {
        if (direction is not (ConversionDirection.ToShared or ConversionDirection.ToPrivate))
        {
            GrpcErrors.Throw(new Failure(Errno.EINVAL, operation, "check direction",
                $"There is no direction {(int)direction}.", "direction"));
        }

        return (MachineDirection)direction;
    }

    /// <summary>Size of a page-state entry.</summary>
    public static MappingSize EntrySize(bool large) => large ? MappingSize.Size2M : MappingSize.Size4K;

    /// <summary>The direction of a DMA mapping (S-DMA-02).</summary>
    public static MachineDmaDirection Direction(DmaDirection direction, string operation) =>
        TryDirection((int)direction, operation).OrThrow();

    /// <summary>The direction of a DMA mapping by its number, or what is wrong with it.</summary>
    public static Result<MachineDmaDirection> TryDirection(int direction, string operation) =>
        direction is >= (int)MachineDmaDirection.Bidirectional and <= (int)MachineDmaDirection.FromDevice
            ? (MachineDmaDirection)direction
            : new Failure(Errno.EINVAL, operation, "check direction",
                $"direction {direction} is none of DMA_BIDIRECTIONAL, DMA_TO_DEVICE, DMA_FROM_DEVICE.", "direction");

    /// <summary>A time in nanoseconds; 0 stays 0.</summary>
    public static TimeSpan Nanoseconds(ulong nanoseconds, string field, string operation) =>
        TryNanoseconds(nanoseconds, field, operation).OrThrow();

    /// <summary>A time in nanoseconds, or what is wrong with it.</summary>
    public static Result<TimeSpan> TryNanoseconds(ulong nanoseconds, string field, string operation) =>
        // 100 ns a tick; half the range is far beyond any limit of the machine, which names its own.
        nanoseconds / 100 > (ulong)TimeSpan.MaxValue.Ticks / 2
            ? new Failure(Errno.EINVAL, operation, "check " + field, $"{field} {nanoseconds} is too long.", field)
            : nanoseconds == 0 ? TimeSpan.Zero : TimeSpan.FromTicks(Math.Max(1, (long)(nanoseconds / 100)));
}
