namespace CocoGuest.Machine.Files;

/// <summary>
/// The memory behind the pointers of a raw system call: of an emulated program, or of a real one that a supervisor watches.
/// Called under the guest's lock: it must not call the machine.
/// </summary>
public interface IUserMemory
{
    /// <summary>Copies from user memory; false when any byte of it faults (EFAULT).</summary>
    bool TryRead(ulong address, Span<byte> target);

    /// <summary>Copies to user memory; false when any byte of it faults (EFAULT).</summary>
    bool TryWrite(ulong address, ReadOnlySpan<byte> source);
}
