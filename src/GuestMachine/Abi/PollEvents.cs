namespace CocoGuest.Machine.Abi;

/// <summary>Bits of poll(2) and epoll that the files of a guest know.</summary>
[Flags]
public enum PollEvents : uint
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>POLLIN.</summary>
    In = 1,

    /// <summary>POLLOUT.</summary>
    Out = 4,

    /// <summary>POLLNVAL: the fd is not open.</summary>
    Invalid = 0x20,

    /// <summary>POLLRDNORM.</summary>
    ReadNormal = 0x40,

    /// <summary>POLLWRNORM.</summary>
    WriteNormal = 0x100,
}
