using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Devices;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Memory.Store;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Tests.Machine.Guests;

/// <summary>A booted guest with short words for what tests do, and what its observer was told.</summary>
internal sealed class TestGuest : IGuestObserver, IDisposable
{
    public const string Private = "system";
    public const string Shared = "system_cc_shared";
    public const string Nic = "0000:01:00.0";
    private const uint ReadWrite = 2;

    public TestGuest(
        Platform platform = Platform.SevSnp, KernelVersion kernel = KernelVersion.V72, Func<GuestShape, GuestShape>? shape = null)
    {
        Time = new FakeTimeProvider(DateTimeOffset.MinValue);
        Host = new GuestRegistry(Time, new SeededSecrets(7), this);
        var wanted = new GuestShape { Platform = platform, Kernel = kernel, MemoryBytes = 512UL << 20, Cpus = 1, Seed = 42 };
        Guest = Host.Create(shape is null ? wanted : shape(wanted)).Value;
    }

    public FakeTimeProvider Time { get; }

    public GuestRegistry Host { get; }

    public Guest Guest { get; }

    public GuestProcess Init => Guest.Processes.Init;

    public List<(VisibleBacking Backing, string Reason)> Revoked { get; } = [];

    public List<GuestProcess> Ended { get; } = [];

    public List<string> GuestEnds { get; } = [];

    public List<ulong> Invalidated { get; } = [];

    public List<(ulong Attachment, Errno Reason)> CutOff { get; } = [];

    /// <summary>Number of heap that gives host-visible memory in this guest.</summary>
    public string VisibleHeap => Guest.Shape.Platform == Platform.None ? Private : Shared;

    public Result<BufferHandle> TryAllocate(string heap, ulong length, uint fdFlags = ReadWrite, ulong heapFlags = 0) =>
        Guest.Heaps.Allocate(Init, heap, length, fdFlags, heapFlags);

    public int Allocate(string heap, ulong length) => TryAllocate(heap, length).Value.Fd;

    public ulong Map(int fd) => Guest.Mappings.Mmap(Init, fd, 0, null, null, MapFlags.Shared).Value.Address;

    public GuestProcess Open(string name = "app") => Guest.Processes.Open(name).Value;

    public void Register(GuestProcess process, string name = Nic, bool mediated = false, bool trusted = false, ulong mask = ulong.MaxValue)
    {
        Result<GuestDevice> device = Guest.Devices.Register(
            process, new DeviceSpec { Name = name, Mediated = mediated, Trusted = trusted, DmaMask = mask });
        Assert.Null(device.Failure);
    }

    /// <summary>Attaches the built-in device and maps.</summary>
    public (ulong Attachment, Result<DmaMapping> Mapping) AttachAndMap(int fd, DmaDirection direction = DmaDirection.Bidirectional)
    {
        ulong attachment = Guest.Importers.Attach(Init, fd, "").Value.Attachment;
        return (attachment, Guest.Importers.Map(Init, attachment, direction, 0));
    }

    public byte[] Load(ulong address, int length)
    {
        byte[] bytes = new byte[length];
        Assert.Null(Guest.Mappings.Load(Init, address, bytes));
        return bytes;
    }

    public void Store(ulong address, ReadOnlySpan<byte> bytes) => Assert.Null(Guest.Mappings.Store(Init, address, bytes));

    public byte[] DmaRead(ulong dmaAddress, int length)
    {
        byte[] bytes = new byte[length];
        Assert.Null(Guest.Devices.DmaRead(Init, "", dmaAddress, bytes));
        return bytes;
    }

    public void DmaWrite(ulong dmaAddress, ReadOnlySpan<byte> bytes) => Assert.Null(Guest.Devices.DmaWrite(Init, "", dmaAddress, bytes));

    public byte[] HostRead(ulong address, int length)
    {
        byte[] bytes = new byte[length];
        Assert.Null(Guest.HostView.Read(address, bytes));
        return bytes;
    }

    public BufferStat Stat(int fd) => Guest.Buffers.Stat(Init, fd).Value;

    public GuestSnapshot Snapshot() => Guest.Snapshot();

    public void Dispose() => Host.Dispose();

    void IGuestObserver.MemoryRevoked(VisibleBacking backing, string reason) => Revoked.Add((backing, reason));

    void IGuestObserver.ProcessEnded(GuestProcess process) => Ended.Add(process);

    void IGuestObserver.GuestEnded(Guest guest, string reason) => GuestEnds.Add(reason);

    void IGuestObserver.AttachmentInvalidated(GuestProcess importer, ulong attachment, TimeSpan within) => Invalidated.Add(attachment);

    void IGuestObserver.AttachmentRevoked(GuestProcess importer, ulong attachment, Errno reason) => CutOff.Add((attachment, reason));
}
