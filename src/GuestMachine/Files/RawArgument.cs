using CocoGuest.Machine.Abi;

namespace CocoGuest.Machine.Files;

/// <summary>A structure at an address of user memory, copied in and out whole as ioctls of fixed size do.</summary>
/// <param name="memory">The memory.</param>
/// <param name="operation">Name of the ioctl, for failures.</param>
internal readonly struct RawArgument(IUserMemory memory, string operation)
{
    /// <summary>Copies in: null, or EFAULT.</summary>
    public Failure? Read(ulong address, Span<byte> target) =>
        target.IsEmpty || memory.TryRead(address, target) ? null : Fault(address, "copy from user");

    /// <summary>Copies out: null, or EFAULT.</summary>
    public Failure? Write(ulong address, ReadOnlySpan<byte> source) =>
        source.IsEmpty || memory.TryWrite(address, source) ? null : Fault(address, "copy to user");

    /// <summary>A refusal of the ioctl.</summary>
    public Failure Refuse(Errno errno, string step, string sentence, string? field = null) => new(errno, operation, step, sentence, field);

    private Failure Fault(ulong address, string step) =>
        new(Errno.EFAULT, operation, step, $"The user memory at 0x{address:x} cannot be accessed.", "argument");
}
