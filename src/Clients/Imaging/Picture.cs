namespace CocoGuest.Imaging;

/// <summary>A picture in memory, XRGB8888.</summary>
/// <param name="layout">Where the pixels lie.</param>
/// <param name="pixels">Exactly <see cref="PictureLayout.Bytes"/> bytes; the picture keeps the array.</param>
public sealed class Picture(PictureLayout layout, byte[] pixels)
{
    /// <summary>A picture of zero bytes: black.</summary>
    /// <param name="layout">Where the pixels lie.</param>
    public Picture(PictureLayout layout)
        : this(layout, new byte[layout.Bytes])
    {
    }

    /// <summary>Where the pixels lie.</summary>
    public PictureLayout Layout { get; } = layout;

    /// <summary>The bytes, padding included.</summary>
    public byte[] Pixels { get; } = pixels.Length == layout.Bytes
        ? pixels
        : throw new ArgumentException(
            $"A picture of {layout.Width}x{layout.Height} takes {layout.Bytes} bytes, not {pixels.Length}.", nameof(pixels));

    /// <summary>The pixels of one row, without padding.</summary>
    /// <param name="y">Row from the top.</param>
    public Span<byte> Row(int y) => Pixels.AsSpan(y * Layout.Pitch, Layout.RowBytes);
}
