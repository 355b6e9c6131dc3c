namespace CocoGuest.Machine.Abi;

/// <summary>Access mode of an open file: the O_ACCMODE bits of fd_flags as given (S-HEAP-12, S-BUF-03).</summary>
public enum AccessMode
{
    /// <summary>O_RDONLY.</summary>
    ReadOnly = 0,

    /// <summary>O_WRONLY.</summary>
    WriteOnly = 1,

    /// <summary>O_RDWR.</summary>
    ReadWrite = 2,

    /// <summary>The value 3 passes the ioctl and gives a file that can be neither read nor written (S-HEAP-12, S-BUF-30).</summary>
    Neither = 3,
}
