using CocoGuest.Machine.Abi;

namespace CocoGuest.Machine.Files;

/// <summary>What one kind of file answers to one call.</summary>
/// <param name="Errno">None: it succeeds and returns 0.</param>
/// <param name="Need">Access that the call needs on this kind, checked first.</param>
/// <param name="Believed">Neither recorded nor read in source: from general knowledge.</param>
/// <param name="Waits">EAGAIN with O_NONBLOCK only; without, the call waits for something that never comes.</param>
internal readonly record struct FileCallCell(Errno Errno, AccessNeed Need = AccessNeed.Nothing, bool Believed = false, bool Waits = false)
{
    /// <summary>What an fd without that access gets: EBADF, but for calls that look at the file's mode as a permission.</summary>
    public Errno Missing { get; init; } = Errno.EBADF;

    /// <summary>Whatever the access mode.</summary>
    public static FileCallCell Any(Errno errno) => new(errno);

    /// <summary>The call needs an fd that can read.</summary>
    public static FileCallCell Reads(Errno errno) => new(errno, AccessNeed.Reading);

    /// <summary>The call needs an fd that can write.</summary>
    public static FileCallCell Writes(Errno errno) => new(errno, AccessNeed.Writing);
}
