using System.Runtime.CompilerServices;

namespace CocoGuest.Imaging;

/// <summary>
/// The GPU's job of the demo: the integer kernel 0 -1 0 / -1 5 -1 / 0 -1 0 on each colour byte, edges replicated, results clamped to
/// 0..255, the X byte 0xff. Row padding of the destination is not written.
/// </summary>
public static class Convolution
{
    /// <summary>Convolves a whole picture.</summary>
    /// <param name="source">At least <see cref="PictureLayout.Bytes"/> bytes; must not overlap <paramref name="destination"/>.</param>
    /// <param name="destination">At least <see cref="PictureLayout.Bytes"/> bytes.</param>
    /// <param name="layout">The layout of both.</param>
    public static void Sharpen(ReadOnlySpan<byte> source, Span<byte> destination, PictureLayout layout)
    {
        for (int y = 0; y < layout.Height; y++)
        {
            ReadOnlySpan<byte> above = source.Slice(Math.Max(y - 1, 0) * layout.Pitch, layout.RowBytes);
            ReadOnlySpan<byte> row = source.Slice(y * layout.Pitch, layout.RowBytes);
            ReadOnlySpan<byte> below = source.Slice(Math.Min(y + 1, layout.Height - 1) * layout.Pitch, layout.RowBytes);
            SharpenRow(above, row, below, destination.Slice(y * layout.Pitch, layout.RowBytes));
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void SharpenRow(ReadOnlySpan<byte> above, ReadOnlySpan<byte> row, ReadOnlySpan<byte> below, Span<byte> result)
    {
        const int Pixel = PictureLayout.BytesPerPixel;
        for (int x = 0; x < row.Length; x += Pixel)
        {
            int left = Math.Max(x - Pixel, 0);
            int right = Math.Min(x + Pixel, row.Length - Pixel);
            for (int c = 0; c < 3; c++)
            {
                int sum = (5 * row[x + c]) - above[x + c] - below[x + c] - row[left + c] - row[right + c];
                result[x + c] = (byte)Math.Clamp(sum, 0, 255);
            }

            result[x + 3] = 0xff;
        }
    }
}
