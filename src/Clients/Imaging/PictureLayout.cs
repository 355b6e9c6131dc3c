namespace CocoGuest.Imaging;

/// <summary>
/// Where the pixels of an XRGB8888 picture lie: four bytes a pixel in the order blue, green, red, X (DRM's little-endian XRGB8888),
/// rows from the top, each row starting at a multiple of 64 bytes.
/// </summary>
public readonly record struct PictureLayout
{
    /// <summary>Bytes a pixel takes.</summary>
    public const int BytesPerPixel = 4;

    /// <summary>Rows start at multiples of this many bytes, as scan-out engines want it.</summary>
    public const int PitchAlignment = 64;

    /// <summary>Largest picture in bytes, so that a forged header cannot ask for the machine's memory.</summary>
    public const int MaxBytes = 256 << 20;

    /// <summary>Largest width or height in pixels.</summary>
    public const int MaxSide = 32768;

    /// <summary>Lays out a picture.</summary>
    /// <param name="width">Pixels in a row, 1 to <see cref="MaxSide"/>.</param>
    /// <param name="height">Rows, 1 to <see cref="MaxSide"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">A side is out of range, or the picture exceeds <see cref="MaxBytes"/>.</exception>
    public PictureLayout(int width, int height)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(width, MaxSide);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(height, MaxSide);
        Width = width;
        Height = height;
        Pitch = PitchOf(width);
        if (!Fits(width, height))
        {
            throw new ArgumentOutOfRangeException(nameof(height), $"A picture of {width}x{height} exceeds {MaxBytes} bytes.");
        }
    }

    /// <summary>Pixels in a row.</summary>
    public int Width { get; }

    /// <summary>Rows.</summary>
    public int Height { get; }

    /// <summary>Bytes from the start of one row to the start of the next.</summary>
    public int Pitch { get; }

    /// <summary>Bytes of pixels in a row, without the padding.</summary>
    public int RowBytes => Width * BytesPerPixel;

    /// <summary>Bytes of the whole picture, padding included.</summary>
    public int Bytes => Pitch * Height;

    /// <summary>Whether a picture of this size can be laid out: no side, and not the whole, exceeds its limit.</summary>
    /// <param name="width">Pixels in a row.</param>
    /// <param name="height">Rows.</param>
    public static bool Fits(int width, int height) =>
        width is > 0 and <= MaxSide && height is > 0 and <= MaxSide && (long)PitchOf(width) * height <= MaxBytes;

    /// <summary>Compares the pixels of two pictures of this layout; the padding at row ends does not count.</summary>
    /// <param name="left">At least <see cref="Bytes"/> bytes.</param>
    /// <param name="right">At least <see cref="Bytes"/> bytes.</param>
    public bool PixelsEqual(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right)
    {
        for (int y = 0; y < Height; y++)
        {
            if (!left.Slice(y * Pitch, RowBytes).SequenceEqual(right.Slice(y * Pitch, RowBytes)))
                return false;
        }

        return true;
    }

    private static int PitchOf(int width) => ((width * BytesPerPixel) + PitchAlignment - 1) & ~(PitchAlignment - 1);
}
