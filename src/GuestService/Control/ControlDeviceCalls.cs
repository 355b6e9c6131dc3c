using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Devices;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Service.Requests;
using RegisterDeviceRequest = CocoGuest.V1.RegisterDeviceRequest;

namespace CocoGuest.Service.Control;

/// <summary>Control protocol: devices, importers and what devices reach.</summary>
internal static class ControlDeviceCalls
{
    private const uint TrustedFlag = 1;
    private const uint MediatedFlag = 2;
    private const uint BouncedFlag = 4;
    private const int AttachmentBytes = 16;
    private const int MapBytes = 24;
    private const int SegmentBytes = 16;

    /// <summary>A device of the process.</summary>
    public static ControlReply RegisterDevice(ControlSession session, ref ControlReader body)
    {
        string name = body.Text();
        string kind = body.Text();
        ulong mask = body.UInt64();
        ulong alignment = body.UInt64();
        uint flags = body.UInt32();
        body.Reserved();
        if (!body.Wrong && session.Refusal(new RegisterDeviceRequest { Trusted = (flags & TrustedFlag) != 0 }) is { } refused)
        {
            return refused;
        }

        return body.Wrong ? ControlReply.Malformed
            : (flags & ~(TrustedFlag | MediatedFlag)) != 0
                ? new Failure(Errno.EINVAL, "register_device", "check flags", $"flags 0x{flags:x} have unknown bits.", "flags")
            : Of(session.Guest.Devices.Register(session.Process, new DeviceSpec
            {
                Name = name,
                Kind = kind,
                DmaMask = mask,
                MinAlignMask = alignment,
                Trusted = (flags & TrustedFlag) != 0,
                Mediated = (flags & MediatedFlag) != 0,
            }));
    }

    /// <summary>Its end.</summary>
    public static ControlReply UnregisterDevice(ControlSession session, ref ControlReader body)
    {
        string name = body.Text();
        return body.Wrong ? ControlReply.Malformed : ControlReply.Of(session.Guest.Devices.Unregister(session.Process, name));
    }

    /// <summary>dma_buf_attach; no name: the built-in device.</summary>
    public static ControlReply Attach(ControlSession session, ref ControlReader body)
    {
        int fd = body.Fd();
        string device = body.Text();
        if (body.Wrong)
        {
            return ControlReply.Malformed;
        }

        Result<ImportedBuffer> imported = session.Guest.Importers.Attach(session.Process, fd, device);
        return imported.Ok
            ? new ControlBody(AttachmentBytes).UInt64(imported.Value.Attachment).UInt64(imported.Value.Size)
            : imported.Failure;
    }

    /// <summary>dma_buf_detach.</summary>
    public static ControlReply Detach(ControlSession session, ref ControlReader body) =>
        ControlReply.Of(session.Guest.Importers.Detach(session.Process, body.UInt64()));

    /// <summary>dma_buf_map_attachment; it may wait for fences.</summary>
    public static ControlReply MapDmaBuf(ControlSession session, ref ControlReader body)
    {
        ulong attachment = body.UInt64();
        Result<DmaDirection> direction = RequestFields.TryDirection(body.Int32(), "dma_buf_map_attachment");
        uint cpu = body.UInt32();
        if (!direction.Ok)
        {
            return direction.Failure;
        }

        Result<DmaMapping> mapped = session.Guest.Importers.Map(session.Process, attachment, direction.Value, cpu);
        if (!mapped.Ok)
        {
            return mapped.Failure;
        }

        DmaMapping mapping = mapped.Value;
        void Undo() => session.Guest.Importers.Unmap(session.Process, attachment);
        if (mapping.Count > ControlLimits.Segments)
        {
            Undo();
            return new Failure(Errno.EOVERFLOW, "dma_buf_map_attachment", "write answer",
                $"The mapping has {mapping.Count} segments; one answer lists {ControlLimits.Segments}.", "attachment");
        }

        ControlBody answer = new ControlBody(MapBytes + (mapping.Count * SegmentBytes))
            .UInt64(mapping.Backing?.Id ?? 0).UInt64(mapping.Backing?.Size ?? 0)
            .UInt32(ControlMemoryCalls.FlagsOf(mapping.Backing) | (mapping.Bounced ? BouncedFlag : 0)).UInt32((uint)mapping.Count);
        for (int i = 0; i < mapping.Count; i++)
        {
            answer.UInt64(mapping.AddressOf(i)).UInt64(mapping.LengthOf(i));
        }

        return ControlReply.With(answer, mapping.Backing, Undo, mapping.Wait);
    }

    /// <summary>dma_buf_unmap_attachment.</summary>
    public static ControlReply UnmapDmaBuf(ControlSession session, ref ControlReader body) =>
        ControlReply.Of(session.Guest.Importers.Unmap(session.Process, body.UInt64()));

    /// <summary>The device reads memory.</summary>
    public static ControlReply DmaRead(ControlSession session, ref ControlReader body)
    {
        string device = body.Text();
        ulong address = body.UInt64();
        ulong length = body.UInt64();
        if (body.Wrong)
        {
            return ControlReply.Malformed;
        }

        if (ControlMemoryCalls.CheckLength(length, "dma_read") is { } failure)
        {
            return failure;
        }

        var answer = new ControlBody((int)length);
        return session.Guest.Devices.DmaRead(session.Process, device, address, answer.Next((int)length)) is { } refused ? refused : answer;
    }

    /// <summary>The device writes memory.</summary>
    public static ControlReply DmaWrite(ControlSession session, ref ControlReader body)
    {
        string device = body.Text();
        ulong address = body.UInt64();
        return body.Wrong ? ControlReply.Malformed
            : ControlReply.Of(session.Guest.Devices.DmaWrite(session.Process, device, address, body.Rest()));
    }

    private static ControlReply Of(Result<GuestDevice> device) => ControlReply.Of(device.Failure);
}
