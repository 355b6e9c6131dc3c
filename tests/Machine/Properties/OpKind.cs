namespace CocoGuest.Tests.Machine.Properties;

/// <summary>What one step of a random run does; the targets are picked among what lives at that moment.</summary>
internal enum OpKind
{
    Allocate,
    Release,
    Mmap,
    Munmap,
    Store,
    Load,
    Attach,
    Map,
    Unmap,
    Detach,
    Sync,
    DmaWrite,
    DmaRead,

    /// <summary>A device writes where nobody mapped anything for it.</summary>
    WildWrite,

    /// <summary>A device reads where nobody mapped anything for it.</summary>
    WildRead,
    HostRead,
    OpenFd,
    Export,
    Import,

    /// <summary>Time passes and tokens may expire.</summary>
    Advance,
    Open,
    End,
    Register,
    Unregister,
}
