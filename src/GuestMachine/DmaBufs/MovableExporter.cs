using CocoGuest.Machine.Memory;

namespace CocoGuest.Machine.DmaBufs;

/// <summary>
/// An exporter that moves its buffers while nobody pins them, as a graphics driver does. An extension: no kernel has one without a device.
/// Models: pin and unpin, invalidation (S-BUF-54 to 56). Its memory is private pages of the system heap's kind.
/// </summary>
internal sealed class MovableExporter(IChunkSource source) : Exporter(ExporterName, Ops)
{
    /// <summary><c>exp_name</c>.</summary>
    public const string ExporterName = "movable";

    private static readonly ExporterTraits Ops = new(MmapStyle.Populate) { Movable = true };

    public override void Release(DmaBuf buffer) => source.Free(buffer.Chunks, buffer.Size, buffer.Shared, owner: null);
}
