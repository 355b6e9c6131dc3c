namespace CocoGuest.Machine.Abi;

/// <summary>Direction of a DMA mapping or sync (S-DMA-02).</summary>
public enum DmaDirection
{
    /// <summary>Both ways.</summary>
    Bidirectional = 0,
    /// <summary>The device reads.</summary>
    ToDevice = 1,
    /// <summary>The device writes.</summary>
    FromDevice = 2,
}
