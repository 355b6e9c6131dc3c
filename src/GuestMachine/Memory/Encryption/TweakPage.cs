namespace CocoGuest.Machine.Memory.Encryption;

/// <summary>Tweaks of all 256 blocks of a page. Immutable once published, so a reader may hold it while it is being replaced.</summary>
/// <param name="page">Physical address / 4096.</param>
/// <param name="tweaks">4096 bytes in the kernel's form.</param>
internal sealed class TweakPage(ulong page, byte[] tweaks)
{
    /// <summary>Physical address / 4096.</summary>
    public ulong Page { get; } = page;

    /// <summary>One 16-byte tweak per block of the page.</summary>
    public byte[] Tweaks { get; } = tweaks;
}
