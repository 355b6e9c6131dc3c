namespace CocoGuest.Linux;

/// <summary>
/// The C library: functions, structures and constants under their Linux names, in the case of C#. Each function is declared once; what it
/// returns is what C returns, and the errno of a failure is <see cref="System.Runtime.InteropServices.Marshal.GetLastPInvokeError"/>.
/// </summary>
/// <remarks>
/// Functions take a handle where all callers have one, which holds it open during the call, and a number otherwise
/// (<see cref="Files.BorrowedFd"/> holds that). Structures are those of 64-bit Linux; <see cref="Stat"/> is x86-64's.
/// Does not model: errors. Callers know which errno they expect.
/// </remarks>
internal static unsafe partial class Libc
{
    /// <summary>EINTR.</summary>
    public const int Eintr = 4;

    /// <summary>ECONNRESET.</summary>
    public const int Econnreset = 104;

    /// <summary>EAGAIN, and EWOULDBLOCK.</summary>
    public const int Eagain = 11;

    /// <summary>EADDRINUSE.</summary>
    public const int Eaddrinuse = 98;

    private const string Library = "libc";
}
