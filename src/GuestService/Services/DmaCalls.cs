using CocoGuest.Machine;
using CocoGuest.Machine.Devices;
using CocoGuest.Machine.Dma;
using CocoGuest.Machine.Files;
using CocoGuest.Service.Errors;
using CocoGuest.Service.Requests;
using CocoGuest.V1;
using Google.Protobuf;
using Grpc.Core;
using MachineSgEntry = CocoGuest.Machine.Memory.SgEntry;
using SgEntry = CocoGuest.V1.SgEntry;

namespace CocoGuest.Service.Services;

/// <summary>DmaService: the DMA API for drivers; pages and streaming mappings. No call waits.</summary>
internal sealed partial class DmaCalls(CallEntry entry, FdTokens fdTokens) : DmaService.DmaServiceBase
{
    /// <inheritdoc/>
    public override Task<TakePagesResponse> TakePages(TakePagesRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        return Task.FromResult(new TakePagesResponse { Phys = process.Guest.DmaApi.TakePages(process, request.Size).OrThrow() });
    }

    /// <inheritdoc/>
    public override Task<GivePagesResponse> GivePages(GivePagesRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        process.Guest.DmaApi.GivePages(process, request.Phys).ThrowIfFailed();
        return Task.FromResult(new GivePagesResponse());
    }

    /// <inheritdoc/>
    public override Task<ReadPagesResponse> ReadPages(ReadPagesRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        byte[] data = RequestFields.BufferFor(request.Length, KernelAccess);
        process.Guest.DmaApi.ReadPages(process, request.Phys, data).ThrowIfFailed();
        return Task.FromResult(new ReadPagesResponse { Data = UnsafeByteOperations.UnsafeWrap(data) });
    }

    /// <inheritdoc/>
    public override Task<WritePagesResponse> WritePages(WritePagesRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        process.Guest.DmaApi.WritePages(process, request.Phys, request.Data.Span).ThrowIfFailed();
        return Task.FromResult(new WritePagesResponse());
    }

    /// <inheritdoc/>
    public override Task<MapPhysResponse> MapPhys(MapPhysRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        ulong dma = process.Guest.DmaApi.MapPhys(
            process, request.Device, request.Phys, request.Length, RequestFields.Direction(request.Direction, "dma_map_phys"),
            (DmaAttributes)request.Attrs, request.Cpu).OrThrow();
        return Task.FromResult(new MapPhysResponse { DmaAddress = dma });
    }

    /// <inheritdoc/>
    public override Task<MapPageResponse> MapPage(MapPageRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        ulong dma = process.Guest.DmaApi.MapPage(
            process, request.Device, request.Phys, request.Length, RequestFields.Direction(request.Direction, "dma_map_page_attrs"),
            (DmaAttributes)request.Attrs, request.Cpu).OrThrow();
        return Task.FromResult(new MapPageResponse { DmaAddress = dma });
    }

    /// <inheritdoc/>
    public override Task<MapResourceResponse> MapResource(MapResourceRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        ulong dma = process.Guest.DmaApi.MapResource(
            process, request.Device, request.Phys, request.Length, RequestFields.Direction(request.Direction, "dma_map_resource"),
            (DmaAttributes)request.Attrs, request.Cpu).OrThrow();
        return Task.FromResult(new MapResourceResponse { DmaAddress = dma });
    }

    /// <inheritdoc/>
    public override Task<UnmapPhysResponse> UnmapPhys(UnmapPhysRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        process.Guest.DmaApi.Unmap(
            process, request.Device, request.DmaAddress, request.Length, RequestFields.Direction(request.Direction, "dma_unmap_phys"),
            (DmaAttributes)request.Attrs).ThrowIfFailed();
        return Task.FromResult(new UnmapPhysResponse());
    }

    /// <inheritdoc/>
    public override Task<SyncSingleForCpuResponse> SyncSingleForCpu(SyncSingleForCpuRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        process.Guest.DmaApi.SyncForCpu(
            process, request.Device, request.DmaAddress, request.Offset, request.Length,
            RequestFields.Direction(request.Direction, "dma_sync_single_for_cpu")).ThrowIfFailed();
        return Task.FromResult(new SyncSingleForCpuResponse());
    }

    /// <inheritdoc/>
    public override Task<SyncSingleForDeviceResponse> SyncSingleForDevice(SyncSingleForDeviceRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        process.Guest.DmaApi.SyncForDevice(
            process, request.Device, request.DmaAddress, request.Offset, request.Length,
            RequestFields.Direction(request.Direction, "dma_sync_single_for_device")).ThrowIfFailed();
        return Task.FromResult(new SyncSingleForDeviceResponse());
    }

    /// <inheritdoc/>
    public override Task<MapSgtableResponse> MapSgtable(MapSgtableRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        MachineSgEntry[] entries = EntriesOf(request.Entries);
        DmaScatter mapped = process.Guest.DmaApi.MapSgtable(
            process, request.Device, entries, RequestFields.Direction(request.Direction, "dma_map_sgtable"), (DmaAttributes)request.Attrs,
            request.Cpu).OrThrow();
        var response = new MapSgtableResponse { Mapping = mapped.Id, Bounced = (uint)mapped.Bounced };
        response.Segments.AddRange(SegmentsOf(mapped, entries));
        return Task.FromResult(response);
    }

    /// <inheritdoc/>
    public override Task<MapSgResponse> MapSg(MapSgRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        MachineSgEntry[] entries = EntriesOf(request.Entries);
        DmaScatter mapped = process.Guest.DmaApi.MapSg(
            process, request.Device, entries, RequestFields.Direction(request.Direction, "dma_map_sg"), (DmaAttributes)request.Attrs,
            request.Cpu).OrThrow();
        var response = new MapSgResponse { Mapping = mapped.Id, Bounced = (uint)mapped.Bounced };
        response.Segments.AddRange(SegmentsOf(mapped, entries));
        return Task.FromResult(response);
    }

    /// <inheritdoc/>
    public override Task<UnmapSgtableResponse> UnmapSgtable(UnmapSgtableRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        process.Guest.DmaApi.UnmapSgtable(process, request.Mapping, (DmaAttributes)request.Attrs).ThrowIfFailed();
        return Task.FromResult(new UnmapSgtableResponse());
    }

    /// <inheritdoc/>
    public override Task<SyncSgtableForCpuResponse> SyncSgtableForCpu(SyncSgtableForCpuRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        process.Guest.DmaApi.SyncSgtable(
            process, request.Mapping, RequestFields.Direction(request.Direction, "dma_sync_sgtable"), forCpu: true).ThrowIfFailed();
        return Task.FromResult(new SyncSgtableForCpuResponse());
    }

    /// <inheritdoc/>
    public override Task<SyncSgtableForDeviceResponse> SyncSgtableForDevice(SyncSgtableForDeviceRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        process.Guest.DmaApi.SyncSgtable(
            process, request.Mapping, RequestFields.Direction(request.Direction, "dma_sync_sgtable"), forCpu: false).ThrowIfFailed();
        return Task.FromResult(new SyncSgtableForDeviceResponse());
    }

    /// <inheritdoc/>
    public override Task<QueryDmaResponse> QueryDma(QueryDmaRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        DmaQuery query = process.Guest.DmaApi.Query(process, request.Device).OrThrow();
        return Task.FromResult(new QueryDmaResponse
        {
            DmaMask = query.DmaMask,
            CoherentDmaMask = query.CoherentDmaMask,
            MaxMappingSize = query.MaxMappingSize,
            OptMappingSize = query.OptMappingSize,
            RequiredMask = query.RequiredMask,
            AddressingLimited = query.AddressingLimited,
            NeedSync = query.NeedSync,
            SwiotlbActive = query.SwiotlbActive,
            ForceBounce = query.ForceBounce,
            ForceUnencrypted = query.ForceUnencrypted,
            MaxSegmentSize = query.MaxSegmentSize,
            SegmentBoundary = query.SegmentBoundary,
            TrustedExtension = query.TrustedExtension,
        });
    }

    /// <inheritdoc/>
    public override Task<SetDmaMaskResponse> SetDmaMask(SetDmaMaskRequest request, ServerCallContext context)
    {
        GuestProcess process = entry.Process(context, request.Guest, request.Process).Process;
        process.Guest.DmaApi.SetMask(process, request.Device, request.DmaMask).ThrowIfFailed();
        return Task.FromResult(new SetDmaMaskResponse());
    }

    private static MachineSgEntry[] EntriesOf(IReadOnlyList<SgEntry> entries) =>
        [.. entries.Select(e => new MachineSgEntry(e.Phys, e.Length))];

    // A device without mask has no addresses, and a refused list neither.
    private static IEnumerable<DmaSegment> SegmentsOf(DmaScatter mapped, MachineSgEntry[] entries) =>
        mapped.Addresses.Select((address, i) => new DmaSegment { DmaAddress = address, Length = entries[i].Length });
}
