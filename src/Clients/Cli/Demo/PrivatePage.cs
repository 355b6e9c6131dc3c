using System.Text.Json.Nodes;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Cli.Demo;

/// <summary>One private page, seen from both sides.</summary>
/// <param name="Address">Its guest-physical address.</param>
/// <param name="Guest">The first bytes as the guest reads them.</param>
/// <param name="Host">The same bytes as the host reads them.</param>
internal sealed record PrivatePage(ulong Address, byte[] Guest, byte[] Host)
{
    /// <summary>What the host sees, in a word.</summary>
    public string HostSees =>
        Host.AsSpan().SequenceEqual(Guest) ? "plain text"
        : Host.AsSpan().IndexOfAnyExcept((byte)0) < 0 ? "zeros"
        : Host.AsSpan().IndexOfAnyExcept((byte)0xff) < 0 ? "0xff"
        : "ciphertext";

    /// <summary>What the host may see, by platform (S-PLAT-10 to 12): the platforms that the demo can be played on.</summary>
    public static IReadOnlyDictionary<string, string[]> Expected { get; } = new Dictionary<string, string[]>
    {
        [ShapeWords.NameOf(Platform.SevSnp)] = ["ciphertext", "0xff"],
        [ShapeWords.NameOf(Platform.Tdx)] = ["zeros"],
        [ShapeWords.NameOf(Platform.Sev)] = ["ciphertext"],
        [ShapeWords.NameOf(Platform.None)] = ["plain text"],
    };

    public JsonObject ToJson() => new()
    {
        ["address"] = Address,
        ["guestSees"] = Convert.ToHexStringLower(Guest),
        ["hostSees"] = Convert.ToHexStringLower(Host),
        ["hostSeesKind"] = HostSees,
    };
}
