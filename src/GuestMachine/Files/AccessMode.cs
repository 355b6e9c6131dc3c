namespace CocoGuest.Machine.Files;

/// <summary>Access mode of an open file: the O_ACCMODE bits of fd_flags as given (S-HEAP-12, S-BUF-03).</summary>
internal enum AccessMode
{
    ReadOnly = 0,
    WriteOnly = 1,
    ReadWrite = 2,

    /// <summary>The value 3 passes the ioctl and gives a file that can be neither read nor written (S-HEAP-12, S-BUF-30).</summary>
    Neither = 3,
}
