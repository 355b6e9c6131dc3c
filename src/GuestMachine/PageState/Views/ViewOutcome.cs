namespace CocoGuest.Machine.PageState.Views;

/// <summary>
/// What an accessor sees. A write that is no fault goes through the same transformation backwards, so one through the wrong view
/// succeeds and leaves garbled 16-byte blocks for the right one (S-PLAT-10).
/// </summary>
public enum ViewOutcome
{
    /// <summary>The plain text.</summary>
    Plain = 0,
    /// <summary>The raw ciphertext in DRAM.</summary>
    Ciphertext = 1,
    /// <summary>Garbage: the decryption of plain text.</summary>
    Garbled = 2,
    /// <summary>Zeros, whatever is there.</summary>
    Zeros = 3,
    /// <summary>All bytes 0xff: ciphertext hiding (S-ENC-03).</summary>
    AllOnes = 4,
    /// <summary>No data: the fault of <see cref="ViewCell.Fault"/>.</summary>
    Fault = 5,
}
