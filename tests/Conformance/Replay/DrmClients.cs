using CocoGuest.Machine;

namespace CocoGuest.Tests.Replay;

/// <summary>
/// The DRM clients of a case. Steps do not say whose handle they mean; the case's name does: which driver (vgem, vkms, render_node), and
/// whether a second import is another client's or another device's.
/// </summary>
internal sealed class DrmClients
{
    private const string DefaultDriver = "vgem";

    // Word in the case's name, whether the second import is on the other device, whether the newest client's handle is closed first.
    private static readonly (string Word, bool OtherDevice, bool NewestFirst)[] Plans =
    [
        ("two_clients", false, false), ("two_attach", false, false), ("two_devices", true, false), ("cross", true, true),
    ];

    private readonly List<Client> _open = [];
    private Client? _current;

    /// <summary>The client that steps without a choice mean: the last one that did something new.</summary>
    public Client Current(GuestCase g, ReplayCase c) => _current ??= Open(g, c, other: false);

    /// <summary>The client of an import.</summary>
    public Client ForImport(GuestCase g, ReplayCase c)
    {
        (string Word, bool OtherDevice, bool NewestFirst) plan = PlanOf(c);
        if (_open.Count == 1 && plan.Word is not null)
        {
            _current = Open(g, c, plan.OtherDevice);
        }

        return Current(g, c);
    }

    /// <summary>The client whose handle a close means: of those that still have it, the first by the case's order.</summary>
    public Client ForClose(GuestCase g, ReplayCase c, uint handle)
    {
        IEnumerable<Client> order = PlanOf(c).NewestFirst ? Enumerable.Reverse(_open) : _open;
        return order.FirstOrDefault(client => g.Guest.Drm.Find(g.Process, client.Fd, "replay").Value.Find(handle) is not null) ?? Current(g, c);
    }

    /// <summary>Closes the newest client.</summary>
    public Failure? CloseNewest(GuestCase g)
    {
        Client newest = _open[^1];
        _open.RemoveAt(_open.Count - 1);
        _current = _open.Count == 0 ? null : _open[^1];
        return g.Guest.Files.Close(g.Process, newest.Fd);
    }

    private static (string Word, bool OtherDevice, bool NewestFirst) PlanOf(ReplayCase c) =>
        Plans.FirstOrDefault(plan => c.Name.Split('.').Contains(plan.Word));

    private Client Open(GuestCase g, ReplayCase c, bool other)
    {
        string[] words = c.Name.Split('.');
        string first = words.Contains("vkms") ? "vkms" : DefaultDriver;
        string driver = !other ? first : first == "vkms" ? DefaultDriver : "vkms";
        var client = new Client(g.Guest.Drm.Open(g.Process, driver, words.Contains("render_node")).Value);
        _open.Add(client);
        return client;
    }

    /// <summary>An open node.</summary>
    /// <param name="Fd">Its fd.</param>
    internal sealed record Client(int Fd);
}
