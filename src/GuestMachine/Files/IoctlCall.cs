namespace CocoGuest.Machine.Files;

/// <summary>
/// One ioctl under way: who calls, on which fd, with what. It notes the fds that the command makes, so that nobody has to compare tables:
/// also one that is left behind by a command that fails (S-HEAP-32).
/// </summary>
/// <param name="process">The caller.</param>
/// <param name="fd">The fd.</param>
/// <param name="command">The command.</param>
/// <param name="argument">Its argument: an address, mostly.</param>
/// <param name="memory">Where addresses lead.</param>
public sealed class IoctlCall(GuestProcess process, int fd, uint command, ulong argument, IUserMemory memory)
{
    private List<MadeFd>? _made;

    /// <summary>The caller.</summary>
    public GuestProcess Process => process;

    /// <summary>The fd.</summary>
    public int Fd => fd;

    /// <summary>The command.</summary>
    public uint Command => command;

    /// <summary>Its argument.</summary>
    public ulong Argument => argument;

    /// <summary>Where addresses lead.</summary>
    public IUserMemory Memory => memory;

    /// <summary>The fds that the command has made and not taken back, in order.</summary>
    public IReadOnlyList<MadeFd> Made => _made ?? (IReadOnlyList<MadeFd>)[];

    /// <summary>Notes an fd that was made.</summary>
    internal void Note(int made, string operation) => (_made ??= []).Add(new MadeFd(made, process.Fds.IsCloseOnExec(made), operation));

    /// <summary>Closes an fd again that was made and noted: the command fails after all.</summary>
    internal void TakeBack(int made)
    {
        _made?.RemoveAll(m => m.Fd == made);
        GuestFiles.Put(process.Fds.Remove(made)!);
    }
}
