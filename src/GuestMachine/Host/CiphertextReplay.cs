using CocoGuest.Machine.Core;
using CocoGuest.Machine.Diagnostics;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.Memory.Store;
using CocoGuest.Machine.PageState.Views;

namespace CocoGuest.Machine.Host;

/// <summary>
/// A host that keeps what it sees of private pages and writes it back after the guest has stored something else there.
/// Models: a replay of whole pages at their own addresses, through the host's two views of the platform, so what comes of it is the
/// matrix's word: SEV has no integrity, the old text comes back (S-ENC-02); SNP and CCA fault in the host, nothing moves (S-SNP-06,
/// S-PLAT-13); TDX poisons the lines and s390 breaks the page, both found by the next reader (S-PLAT-12, S-PLAT-14).
/// Does not model: a replay at another address (the host's remap does), a replay across conversions.
/// </summary>
internal sealed class CiphertextReplay
{
    private readonly HostView _host;
    private readonly List<(ulong Address, byte[] Seen)> _pages = [];

    private CiphertextReplay(HostView host) => _host = host;

    /// <summary>Under the guest's lock, before the planned bytes are written. Null: this store is not replayed.</summary>
    /// <param name="core">The guest.</param>
    /// <param name="host">What the host sees of it.</param>
    /// <param name="plan">Where a store goes.</param>
    /// <param name="bytes">Its length.</param>
    public static CiphertextReplay? Before(GuestCore core, HostView host, AccessPlan plan, int bytes)
    {
        if (core.FaultPoints.Quiet)
        {
            return null;
        }

        // What the host reads in plain has no ciphertext.
        ulong[] frames = [.. plan.Frames.Distinct().Where(f => core.Access.CellOf(ViewAccessor.HostRead, f).Outcome != ViewOutcome.Plain)];
        if (frames.Length == 0 || !core.FaultPoints.Fails(FaultPoint.ReplayCiphertext, (ulong)bytes))
        {
            return null;
        }

        var replay = new CiphertextReplay(host);
        foreach (ulong address in frames.Select(Page.AddressOf))
        {
            byte[] seen = new byte[Page.Size];
            if (host.Read(address, seen) is null)
            {
                replay._pages.Add((address, seen));
            }
        }

        return replay;
    }

    /// <summary>The store is done: the host writes. A fault of its own is its own affair, and is reported as any other.</summary>
    public void WriteBack()
    {
        foreach ((ulong address, byte[] seen) in _pages)
        {
            _ = _host.Write(address, seen);
        }
    }
}
