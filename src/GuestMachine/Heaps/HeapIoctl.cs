using System.Buffers.Binary;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Core;
using CocoGuest.Machine.Diagnostics;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Files;

namespace CocoGuest.Machine.Heaps;

/// <summary>
/// One ioctl on a heap's node, from the raw command to the copy back (S-HEAP-20 to 32).
/// Models: the command's number alone chooses; size and direction bits say how much is copied in and out; current and older copy back.
/// </summary>
internal sealed class HeapIoctl(GuestCore core, GuestHeaps room, IoctlCall call, HeapNode node)
{
    private const string Operation = "DMA_HEAP_IOCTL_ALLOC";
    private readonly IUserMemory _memory = call.Memory;
    private const int StructBytes = 24;
    private const int OnStack = 128;
    private const int FdAt = 8;
    private const int FdFlagsAt = 12;
    private const int HeapFlagsAt = 16;

    /// <summary>Whether a command is the allocation: a heap looks at the number alone (S-HEAP-20).</summary>
    public static bool Allocates(IoctlCommand command) => command.Number == 0;

    /// <summary>Runs the command on the argument at an address; 0 or the failure.</summary>
    public Result<long> Run(IoctlCommand command, ulong argument)
    {
        if (!Allocates(command))
        {
            return new Failure(Errno.EINVAL, "ioctl", "check number",
                $"Heaps know command number 0 only, not {command.Number} (S-HEAP-20).", "command");
        }

        int inSize = command.UserWrites ? command.Size : 0;
        int outSize = command.UserReads ? command.Size : 0;
        int size = Math.Max(StructBytes, Math.Max(inSize, outSize));
        if (size > OnStack && core.FaultPoints.Fails(FaultPoint.Failslab))
        {
            return new Failure(Errno.ENOMEM, "ioctl", "allocate argument",
                $"No memory for an argument of {size} bytes (S-HEAP-21).", "command");
        }

        // Bytes up to 24 that the caller did not give are zero (S-HEAP-22).
        byte[] bytes = new byte[size];
        if (!_memory.TryRead(argument, bytes.AsSpan(0, inSize)))
        {
            return Fault(argument, "copy from user");
        }

        Result<BufferHandle> made = Allocate(bytes);
        if (made.Ok)
        {
            call.Note(made.Value.Fd, Operation);
            BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(FdAt), made.Value.Fd);
        }

        return core.Shape.OldHeapCopyBack
            ? CopyBackAlways(made, argument, bytes.AsSpan(0, outSize))
            : CopyBack(made, argument, bytes.AsSpan(0, outSize));
    }

    private Result<BufferHandle> Allocate(ReadOnlySpan<byte> bytes)
    {
        uint fd = BinaryPrimitives.ReadUInt32LittleEndian(bytes[FdAt..]);
        if (fd != 0)
        {
            return new Failure(Errno.EINVAL, Operation, "check fd", $"The field fd is {fd}; it has to be 0 (S-HEAP-23).", "fd");
        }

        return room.AllocateFrom(
            node, call.Process,
            BinaryPrimitives.ReadUInt64LittleEndian(bytes),
            BinaryPrimitives.ReadUInt32LittleEndian(bytes[FdFlagsAt..]),
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[HeapFlagsAt..]));
    }

    // Current code: the fd is installed last, so a fault leaves nothing behind (S-HEAP-32).
    private Result<long> CopyBack(Result<BufferHandle> made, ulong argument, ReadOnlySpan<byte> bytes)
    {
        if (!made.Ok)
        {
            return made.Failure;
        }

        if (_memory.TryWrite(argument, bytes))
        {
            return 0;
        }

        call.TakeBack(made.Value.Fd);
        return Fault(argument, "copy to user");
    }

    // Older code: copied back also after a failure; a fault overrides the errno and leaves an fd that nobody knows.
    private Result<long> CopyBackAlways(Result<BufferHandle> made, ulong argument, ReadOnlySpan<byte> bytes) =>
        !_memory.TryWrite(argument, bytes) ? Fault(argument, "copy to user") : made.Ok ? 0 : made.Failure;

    private static Failure Fault(ulong argument, string step) =>
        new(Errno.EFAULT, Operation, step, $"The user memory at 0x{argument:x} cannot be accessed.", "argument");
}
