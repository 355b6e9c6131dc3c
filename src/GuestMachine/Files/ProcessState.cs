namespace CocoGuest.Machine.Files;

/// <summary>
/// What a room keeps of each process, without the process knowing the room: one slot a room, made at the first use.
/// </summary>
/// <typeparam name="T">What is kept.</typeparam>
/// <param name="make">Makes it for a process.</param>
internal sealed class ProcessState<T>(Func<GuestProcess, T> make)
    where T : class
{
    private readonly int _slot = GuestProcess.NewSlot();

    /// <summary>What the room keeps of a process. Under the lock of its guest.</summary>
    public T Of(GuestProcess process)
    {
        if (process.Slot(_slot) is { } kept)
        {
            return (T)kept;
        }

        // Making it may ask for another room's slot, which can move all of them.
        T made = make(process);
        process.Slot(_slot) = made;
        return made;
    }
}
