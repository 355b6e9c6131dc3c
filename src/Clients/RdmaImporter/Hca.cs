using CocoGuest.Client;
using CocoGuest.Importer;
using CocoGuest.RdmaImporter.Keys;

namespace CocoGuest.RdmaImporter;

/// <summary>
/// The simulated HCA: a T=0 device with protection domains, memory regions over dma-bufs and their keys.
/// Models: REG_DMABUF_MR in the order of S-RDMA-01 (offsets, flags, access, then the driver: S-PIN-30), keys of S-RDMA-30, the translation
/// table of S-RDMA-34, the MR's hold on its attachment and its PD until deregistered (S-RDMA-06).
/// Does not model: page faults and invalidation (heap buffers never move, S-RDMA-07), REG_MR on user memory, queue memory.
/// </summary>
/// <param name="device">The device in the guest.</param>
/// <param name="counters">Counts what moves by DMA.</param>
internal sealed class Hca(GuestDevice device, DmaCounters counters) : IAsyncDisposable
{
    /// <summary>Largest translation page of the device.</summary>
    public const ulong MaxPage = 2UL << 30;

    private const ulong SmallPage = TranslationTable.MinPage;

    private readonly Dictionary<uint, Registration> _registrations = [];
    private readonly Dictionary<uint, int> _domains = new() { [1] = 0 };
    private uint _nextDomain = 2;

    public KeyTable Keys { get; } = new();

    /// <summary>A new protection domain; number 1 exists from the start.</summary>
    public uint AllocatePd()
    {
        _domains.Add(_nextDomain, 0);
        return _nextDomain++;
    }

    /// <summary>Removes a protection domain: EBUSY while it has users (S-RDMA-06).</summary>
    public void DeallocatePd(uint pd)
    {
        if (Users(pd) != 0)
            throw new CocoException(16, "EBUSY", "ib_dealloc_pd", "users", $"PD {pd} has {_domains[pd]} users.") { Field = "pd" };
        _domains.Remove(pd);
    }

    /// <summary>A queue pair or region uses the domain.</summary>
    public void HoldPd(uint pd) => _domains[pd] = Users(pd) + 1;

    public void DropPd(uint pd) => _domains[pd] = Users(pd) - 1;

    /// <summary>REG_DMABUF_MR.</summary>
    public async Task<Registration> RegisterAsync(RegistrationRequest request, GuestBuffer? buffer, CancellationToken cancel)
    {
        Users(request.Pd);
        if (((request.Offset ^ request.Iova) & (SmallPage - 1)) != 0)
            throw Invalid("iova", $"Offset 0x{request.Offset:x} and iova 0x{request.Iova:x} differ below the page size.");
        if (AccessRules.CheckDmabuf(request.Access) is { } refusal)
            throw refusal;
        if (unchecked(request.Offset + request.Length) < request.Offset || unchecked(request.Iova + request.Length) < request.Iova)
            throw Invalid("length", "The range wraps around.");
        if (buffer is null)
            throw new CocoException(9, "EBADF", "ib_umem_dmabuf_get", "fd", $"{request.Fd} is no open fd here.") { Field = "fd" };
        if (request.Offset + request.Length > buffer.Size)
            throw Invalid("length", $"The dma-buf has {buffer.Size} bytes; the region ends at {request.Offset + request.Length}.");
        if (request.Length == 0)
            throw Invalid("length", "The region has no pages.");
        Registration registration = await MapAsync(request, buffer, cancel);
        _registrations.Add(registration.Key, registration);
        HoldPd(request.Pd);
        return registration;
    }

    /// <summary>Deregisters: unmaps (bounced bytes go back now) and detaches.</summary>
    public async Task DeregisterAsync(uint lkey)
    {
        if (!_registrations.Remove(lkey, out Registration? registration))
            throw new CocoException(22, "EINVAL", "ib_dereg_mr", "key", $"0x{lkey:x} is no key of this device.") { Field = "lkey" };
        Keys.Remove(lkey);
        DropPd(registration.Region.Pd);
        await registration.Mapping.DisposeAsync();
        await registration.Mapping.Attachment.DisposeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (uint key in _registrations.Keys.Reverse().ToArray())
            await DeregisterAsync(key);
        await device.DisposeAsync();
    }

    private async Task<Registration> MapAsync(RegistrationRequest request, GuestBuffer buffer, CancellationToken cancel)
    {
        DeviceAttachment attachment = await device.AttachAsync(buffer, cancel);
        DeviceMapping? mapping = null;
        try
        {
            mapping = await attachment.MapAsync(cpu: request.Cpu, cancel: cancel);
            TranslationTable table = TranslationTable.Build(mapping.Segments, request.Offset, request.Length, request.Iova, request.MaxPage)
                ?? throw Invalid("iova", "No page size of the device fits the DMA addresses.");
            var region = new MemoryRegion(request.Pd, request.Access, table, new MappingView(mapping, counters));
            uint key = Keys.Add(region);
            return key != 0
                ? new Registration(key, region, mapping)
                : throw new CocoException(12, "ENOMEM", "ib_uverbs_reg_dmabuf_mr", "key", "All keys of the device are in use.");
        }
        catch
        {
            if (mapping is not null)
                await mapping.DisposeAsync();
            await attachment.DisposeAsync();
            throw;
        }
    }

    private int Users(uint pd) => _domains.TryGetValue(pd, out int users)
        ? users
        : throw Invalid("pd", $"There is no PD {pd}.");

    private static CocoException Invalid(string field, string sentence) =>
        new(22, "EINVAL", "ib_uverbs_reg_dmabuf_mr", "arguments", sentence) { Field = field };
}
