namespace CocoGuest.Machine.Drm;

/// <summary>
/// A DRM master: who owns a device's display, and the clients that are authenticated by it (S-GPU-22).
/// Models: magic numbers, the unique name. Does not model: leases.
/// </summary>
internal sealed class DrmMaster
{
    // A number stays taken after its use, with no client behind it, until that client closes.
    private readonly SortedDictionary<uint, DrmFile?> _magics = [];

    /// <summary>Name of the device as GET_UNIQUE tells it; empty until SET_VERSION asked for interface 1.1 or later.</summary>
    public string Unique { get; set; } = "";

    /// <summary>A magic number for a client: the lowest free one from 1 on.</summary>
    public uint AddMagic(DrmFile client)
    {
        uint magic = 1;
        while (_magics.ContainsKey(magic))
        {
            magic++;
        }

        _magics.Add(magic, client);
        return magic;
    }

    /// <summary>The client behind a magic number, once; null: none.</summary>
    public DrmFile? TakeMagic(uint magic)
    {
        DrmFile? client = _magics.GetValueOrDefault(magic);
        if (client is not null)
        {
            _magics[magic] = null;
        }

        return client;
    }

    /// <summary>The client with this number is gone.</summary>
    public void Forget(uint magic) => _magics.Remove(magic);
}
