using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Host;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Store;
using CocoGuest.Machine.PageState;
using CocoGuest.Machine.PageState.Views;
using CocoGuest.Machine.Profiles;
using CocoGuest.Tests.Machine.Guests;

namespace CocoGuest.Tests.Machine.Platforms;

/// <summary>A guest whose page states and faults are watched.</summary>
internal sealed class PlatformGuest : IGuestObserver, IDisposable
{
    private readonly GuestRegistry _host;

    public PlatformGuest(Platform platform, KernelVersion kernel = KernelVersion.V73)
    {
        _host = new GuestRegistry(new FakeTimeProvider(), new SeededSecrets(3), this);
        Guest = _host.Create(new GuestShape { Platform = platform, Kernel = kernel, MemoryBytes = 256UL << 20, Cpus = 2, Seed = 5 }).Value;
    }

    public Guest Guest { get; }

    public bool Watches { get; set; } = true;

    public List<PageStateChange> Changes { get; } = [];

    public List<PageFault> Faults { get; } = [];

    public GuestProcess Init => Guest.Processes.Init;

    bool IGuestObserver.WatchesPages => Watches;

    /// <summary>A buffer with a mapping, filled with a pattern.</summary>
    public (int Fd, ulong Map, ulong Phys) Filled(string heap, int bytes = 4096)
    {
        int fd = Guest.Heaps.Allocate(Init, heap, (ulong)bytes, 2, 0).Value.Fd;
        ulong map = Guest.Mappings.Mmap(Init, fd, 0, null, null, MapFlags.Shared).Value.Address;
        Assert.Null(Guest.Mappings.Store(Init, map, Pattern(bytes)));
        return (fd, map, Guest.Buffers.Stat(Init, fd).Value.Chunks[0].Address);
    }

    public static byte[] Pattern(int bytes) => [.. Enumerable.Range(0, bytes).Select(i => (byte)((i * 7) + 1 + (i >> 8)))];

    public ConversionOutcome Convert(int fd, ConversionDirection direction, ulong offset = 0, ulong length = 0) =>
        Guest.Conversions.ConvertBuffer(Init, fd, offset, length, direction, 1).Value;

    public Result<byte[]> Load(ulong address, int length)
    {
        byte[] bytes = new byte[length];
        return Guest.Mappings.Load(Init, address, bytes) is { } failure ? failure : bytes;
    }

    public Result<byte[]> HostRead(ulong address, int length)
    {
        byte[] bytes = new byte[length];
        return Guest.HostView.Read(address, bytes) is { } failure ? failure : bytes;
    }

    public Result<byte[]> DmaRead(ulong address, int length)
    {
        byte[] bytes = new byte[length];
        return Guest.Devices.DmaRead(Init, "", Guest.Dma.Environment.Encoding.Unencrypted(address), bytes) is { } failure ? failure : bytes;
    }

    public byte[] Encrypted(byte[] plain, ulong address)
    {
        byte[] cipher = new byte[plain.Length];
        Guest.Memory.Engine.Encrypt(plain, cipher, address);
        return cipher;
    }

    public byte[] Decrypted(byte[] cipher, ulong address)
    {
        byte[] plain = new byte[cipher.Length];
        Guest.Memory.Engine.Decrypt(cipher, plain, address);
        return plain;
    }

    public void Dispose() => _host.Dispose();

    void IGuestObserver.MemoryRevoked(VisibleBacking backing, string reason)
    {
    }

    void IGuestObserver.ProcessEnded(GuestProcess process)
    {
    }

    void IGuestObserver.GuestEnded(Guest guest, string reason)
    {
    }

    void IGuestObserver.PagesChanged(Guest guest, PageStateChange change) => Changes.Add(change);

    void IGuestObserver.PageFaulted(Guest guest, PageFault fault) => Faults.Add(fault);
}
