namespace CocoGuest.Tests.Machine.Properties.Linearizability;

/// <summary>The calls of a history: those of the guest's lock, and those that copy outside it.</summary>
internal enum ActKind
{
    /// <summary>The program stores 8 bytes.</summary>
    Store,

    /// <summary>The program loads 8 bytes.</summary>
    Load,

    /// <summary>The device writes the 8 bytes in its bounce slot.</summary>
    DmaWrite,

    /// <summary>The device reads them.</summary>
    DmaRead,

    /// <summary>Start of CPU access: bounce slot to buffer.</summary>
    SyncBegin,

    /// <summary>End of CPU access: buffer to bounce slot.</summary>
    SyncEnd,

    /// <summary>Unmap of the attachment: the last copy to the buffer.</summary>
    Unmap,
    Detach,

    /// <summary>A new buffer: the answer is the lowest free fd.</summary>
    Allocate,

    /// <summary>close of the buffer's first fd.</summary>
    Release,

    /// <summary>Redeems the one share token.</summary>
    Import,
}
