using CocoGuest.Machine.Abi;

namespace CocoGuest.Tests.Replay;

/// <summary>
/// The DRM clients of a case. Steps do not say whose handle they mean, nor which driver's node was opened (<see cref="Renamed"/>). That
/// there is a second client shows in the rest of the case: it closes a handle number more often than one client has it. The second one is
/// on another device where the case says so in a step's words, and where it imports what the first one exported, which on the same device
/// would be no import.
/// </summary>
internal sealed class DrmClients
{
    private const string FirstDriver = "vgem";
    private const string OtherDriver = "vkms";
    private static readonly string[] WordsForOtherDevice = ["devices", "cross"];
    private static readonly string[] ComparesHandles = ["same_handle_on_reimport", "same_handle_via_dup", "self_import_same_handle"];
    private readonly List<Client> _open = [];
    private Client? _current;

    /// <summary>The client that steps without a choice mean: the last one that did something new.</summary>
    public Client Current(GuestCase g) => _current ??= Open(g, FirstDriver);

    /// <summary>The client of an import.</summary>
    public Client ForImport(GuestCase g, ReplayCase c, Record record, bool ofOwnExport)
    {
        if (_open.Count == 1 && ClosesMoreThanOne(g, c, record))
        {
            _current = Open(g, ofOwnExport || SaysOtherDevice(c) ? OtherDriver : FirstDriver);
        }

        return Current(g);
    }

    /// <summary>
    /// The client whose handle a close means, of those that still have it: the one that imported the other's export first, as the object
    /// must outlive the import; else the first.
    /// </summary>
    public Client ForClose(GuestCase g, uint handle)
    {
        Client[] having = [.. _open.Where(client => Has(g, client, handle))];
        return having.FirstOrDefault(client => client.Driver != _open[0].Driver && !Imported(g, _open[0], handle))
            ?? having.FirstOrDefault() ?? Current(g);
    }

    /// <summary>Closes the newest client.</summary>
    public Failure? CloseNewest(GuestCase g)
    {
        Client newest = _open[^1];
        _open.RemoveAt(_open.Count - 1);
        _current = _open.Count == 0 ? null : _open[^1];
        return g.Guest.Files.Close(g.Process, newest.Fd);
    }

    private static bool Has(GuestCase g, Client client, uint handle) => Find(g, client, handle) is not null;

    private static bool Imported(GuestCase g, Client client, uint handle) => Find(g, client, handle) is { Import: not null };

    private static CocoGuest.Machine.Drm.GemObject? Find(GuestCase g, Client client, uint handle) =>
        g.Guest.Drm.Find(g.Process, client.Fd, "replay").Value.Find(handle);

    // The first client has a handle open, and the steps to come close that number twice, or once and then a client. A step that compares
    // the handle with the one before means one client.
    private bool ClosesMoreThanOne(GuestCase g, ReplayCase c, Record record)
    {
        if (c.After(record) is { } next && ComparesHandles.Contains(next.Op))
        {
            return false;
        }

        Record[] later = [.. c.Records.Where(r => r.Step > record.Step)];
        int clients = later.Count(r => r.Op == "close_drm_client");
        return later.Where(r => r.Op == "gem_close").GroupBy(r => (uint)r.In.Number("handle"))
            .Any(closes => Has(g, _open[0], closes.Key) && closes.Count() + clients > 1);
    }

    private static bool SaysOtherDevice(ReplayCase c) => c.Records.Any(r => WordsForOtherDevice.Any(
        word => r.In.Text("after", "").Split(' ').Contains(word)));

    private Client Open(GuestCase g, string driver)
    {
        var client = new Client(g.Guest.Drm.Open(g.Process, driver).Value, driver);
        _open.Add(client);
        return client;
    }

    /// <summary>An open node.</summary>
    /// <param name="Fd">Its fd.</param>
    /// <param name="Driver">Its driver.</param>
    internal sealed record Client(int Fd, string Driver);
}
