using CocoGuest.Importer;

namespace CocoGuest.DrmImporter.Prime;

/// <summary>A buffer mapped for the device. Disposing it unmaps.</summary>
internal interface IPrimeMapping : IAsyncDisposable
{
    /// <summary>Bytes of the buffer.</summary>
    ulong Size { get; }

    /// <summary>True when the device sees a snapshot in bounce slots.</summary>
    bool Bounced { get; }

    /// <summary>True when bytes move by shared memory.</summary>
    bool IsDirect { get; }

    /// <summary>Number of DMA segments.</summary>
    int Segments { get; }

    /// <summary>The device's view.</summary>
    IDmaView View { get; }

    /// <summary>DMA address of a byte, and the bytes to the end of its segment.</summary>
    (ulong DmaAddress, ulong Room) AddressOf(ulong bufferOffset);
}
