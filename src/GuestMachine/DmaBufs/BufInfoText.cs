using System.Globalization;
using System.Text;

namespace CocoGuest.Machine.DmaBufs;

/// <summary>
/// Text of debugfs <c>dma_buf/bufinfo</c> (S-BUF-101, 103). What differs between kernels is an argument.
/// Models: every line but the fences, which come from the caller.
/// </summary>
internal static class BufInfoText
{
    private const string Head = "\nDma-buf Objects:\nsize    \tflags   \tmode    \tcount   \texp_name\tino     \tname\n";
    private const uint ReadableBit = 1;
    private const uint WritableBit = 2;

    /// <summary>The whole text, one character a byte.</summary>
    /// <param name="buffers">Live buffers, newest first.</param>
    /// <param name="modeBits">The mode column's constant bits (<see cref="Profiles.KernelProfile.PseudoFileMode"/>).</param>
    /// <param name="fences">Fence lines of a buffer, without their leading tab and line end.</param>
    public static string Of(IEnumerable<DmaBuf> buffers, uint modeBits, Func<DmaBuf, IEnumerable<string>> fences)
    {
        var text = new StringBuilder(Head);
        ulong bytes = 0;
        int count = 0;
        foreach (DmaBuf buffer in buffers)
        {
            Add(text, buffer, modeBits, fences(buffer));
            bytes += buffer.Size;
            count++;
        }

        return text.Append(CultureInfo.InvariantCulture, $"\nTotal {count} objects, {bytes} bytes\n").ToString();
    }

    private static void Add(StringBuilder text, DmaBuf buffer, uint modeBits, IEnumerable<string> fences)
    {
        uint mode = modeBits | (buffer.Readable ? ReadableBit : 0) | (buffer.Writable ? WritableBit : 0);
        text.Append(CultureInfo.InvariantCulture,
            $"{buffer.Size:d8}\t{buffer.Flags:x8}\t{mode:x8}\t{buffer.VisibleReferences:d8}\t{buffer.Exporter.Name}\t{buffer.Inode:d8}\t");
        text.Append(buffer.NameAsBytes ?? "<none>").Append('\n');
        foreach (string fence in fences)
        {
            text.Append('\t').Append(fence).Append('\n');
        }

        text.Append("\tAttached Devices:\n");
        foreach (Attachment attachment in buffer.Attachments)
        {
            text.Append('\t').Append(attachment.Device.Name).Append('\n');
        }

        text.Append(CultureInfo.InvariantCulture, $"Total {buffer.Attachments.Count} devices attached\n\n");
    }
}
