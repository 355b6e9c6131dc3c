using CocoGuest.Machine.Diagnostics;

namespace CocoGuest.Machine.DmaBufs;

/// <summary>The dma_buf trace events in the kernel's text (S-TRC-60).</summary>
/// <param name="ring">The ring of trace events.</param>
internal sealed class BufferTrace(TraceBuffer ring)
{
    /// <summary>A dma_buf event (S-TRC-60).</summary>
    internal void Emit(string name, DmaBuf buffer, int? fd = null)
    {
        if (ring.Any)
        {
            ring.Add(name,
                $"exp_name={buffer.Exporter.Name} size={buffer.Size} ino={buffer.Inode}{(fd is { } number ? $" fd={number}" : "")}");
        }
    }

    /// <summary>A dma_buf event of an attachment (S-TRC-60). The pointer is a stand-in: the attachment's number.</summary>
    internal void Emit(string name, Attachment attachment, bool isDynamic)
    {
        if (ring.Any)
        {
            DmaBuf buffer = attachment.Buffer;
            ring.Add(name, $"exp_name={buffer.Exporter.Name} size={buffer.Size} ino={buffer.Inode} attachment:{attachment.Id:x16} "
                + $"is_dynamic={(isDynamic ? 1 : 0)} dev_name={attachment.Device.Name}");
        }
    }
}
