using System.Buffers.Binary;
using System.Globalization;

namespace CocoGuest.Imaging;

/// <summary>A checked IHDR chunk of a picture that is read here: 8-bit RGB or RGBA, not interlaced.</summary>
/// <param name="Layout">Where the pixels go.</param>
/// <param name="Channels">3 (RGB) or 4 (RGBA).</param>
internal readonly record struct PngHeader(PictureLayout Layout, int Channels)
{
    public const int Length = 13;

    private static readonly Dictionary<byte, string> ColourTypes = new()
    {
        [0] = "grey scale",
        [2] = "RGB",
        [3] = "palette",
        [4] = "grey scale with alpha",
        [6] = "RGBA",
    };

    public static PngHeader Parse(ReadOnlySpan<byte> ihdr)
    {
        if (ihdr.Length != Length)
            throw new PngException($"The IHDR chunk has {ihdr.Length} bytes instead of {Length}.");
        uint width = BinaryPrimitives.ReadUInt32BigEndian(ihdr);
        uint height = BinaryPrimitives.ReadUInt32BigEndian(ihdr[4..]);
        (byte depth, byte colour, byte compression, byte filter, byte interlace) = (ihdr[8], ihdr[9], ihdr[10], ihdr[11], ihdr[12]);
        string kind = ColourTypes.GetValueOrDefault(colour, $"colour type {colour}");
        string found = string.Create(CultureInfo.InvariantCulture, $"{depth}-bit {kind}");
        if (depth != 8 || colour is not (2 or 6))
            throw new PngException($"This PNG is {found}; only 8-bit RGB and 8-bit RGBA are read.");
        if (compression != 0)
            throw new PngException($"This PNG names compression method {compression}; only method 0 exists.");
        if (filter != 0)
            throw new PngException($"This PNG names filter method {filter}; only method 0 exists.");
        if (interlace != 0)
            throw new PngException($"This PNG is interlaced (method {interlace}); only pictures that are not interlaced are read.");
        if (width is 0 or > PictureLayout.MaxSide || height is 0 or > PictureLayout.MaxSide
            || (long)width * height * PictureLayout.BytesPerPixel > PictureLayout.MaxBytes - (PictureLayout.PitchAlignment * (long)height))
        {
            throw new PngException(
                $"This PNG is {width}x{height}; sides from 1 to {PictureLayout.MaxSide}, {PictureLayout.MaxBytes} bytes in all are read.");
        }

        return new PngHeader(new PictureLayout((int)width, (int)height), colour == 2 ? 3 : 4);
    }
}
