using CocoGuest.Machine.Devices;
using CocoGuest.Machine.DmaBufs;

namespace CocoGuest.Machine.Drm;

/// <summary>
/// One DRM device of the guest: driver, the device it attaches with, the offsets at which its objects are mapped.
/// Models: fake offsets, one range an object, lowest free first above 4 GiB; the current master; names of objects (GEM_FLINK).
/// </summary>
internal sealed class DrmDevice
{
    /// <summary>The first fake offset: above what 32 bits reach, as in the kernel.</summary>
    public const ulong FirstOffset = 1UL << 32;

    private readonly SortedDictionary<ulong, GemObject> _byOffset = [];
    private readonly SortedDictionary<uint, GemObject> _byName = [];

    /// <param name="driver">Its driver.</param>
    /// <param name="device">The device it attaches and maps with.</param>
    /// <param name="exporter">Exporter of its objects.</param>
    public DrmDevice(DrmDriver driver, GuestDevice device, Exporter exporter)
    {
        Driver = driver;
        Device = device;
        Exporter = exporter;
    }

    public DrmDriver Driver { get; }

    public GuestDevice Device { get; }

    public Exporter Exporter { get; }

    /// <summary>The current master; null: none.</summary>
    public DrmMaster? Master { get; set; }

    /// <summary>Live objects.</summary>
    public int Objects { get; set; }

    /// <summary>The fake offset of an object, given when first asked for.</summary>
    public ulong OffsetOf(GemObject gem)
    {
        if (gem.FakeOffset == 0)
        {
            ulong candidate = FirstOffset;
            foreach ((ulong offset, GemObject other) in _byOffset)
            {
                if (offset - candidate >= gem.Size)
                {
                    break;
                }

                candidate = offset + other.Size;
            }

            gem.FakeOffset = candidate;
            _byOffset.Add(candidate, gem);
        }

        return gem.FakeOffset;
    }

    /// <summary>The object whose range starts at an offset, or null.</summary>
    public GemObject? FindByOffset(ulong offset) => _byOffset.GetValueOrDefault(offset);

    /// <summary>The object whose range holds an offset, or null.</summary>
    public GemObject? FindCovering(ulong offset) =>
        _byOffset.Values.FirstOrDefault(gem => offset >= gem.FakeOffset && offset - gem.FakeOffset < gem.Size);

    /// <summary>The name of an object, given when first asked for: the lowest free number from 1 on.</summary>
    public uint NameOf(GemObject gem)
    {
        if (gem.FlinkName == 0)
        {
            uint name = 1;
            while (_byName.ContainsKey(name))
            {
                name++;
            }

            gem.FlinkName = name;
            _byName.Add(name, gem);
        }

        return gem.FlinkName;
    }

    /// <summary>The object with a name, or null.</summary>
    public GemObject? FindNamed(uint name) => _byName.GetValueOrDefault(name);

    /// <summary>The object has no handle left: its name goes.</summary>
    public void ForgetName(GemObject gem)
    {
        if (gem.FlinkName != 0)
        {
            _byName.Remove(gem.FlinkName);
            gem.FlinkName = 0;
        }
    }

    /// <summary>The object is gone.</summary>
    public void Forget(GemObject gem)
    {
        if (gem.FakeOffset != 0)
        {
            _byOffset.Remove(gem.FakeOffset);
        }

        Objects--;
    }
}
