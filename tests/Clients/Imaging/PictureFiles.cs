using System.Buffers.Binary;
using System.Text;
using SixLabors.ImageSharp;
using SixLabors.ImageSharp.Formats;
using SixLabors.ImageSharp.Formats.Bmp;
using SixLabors.ImageSharp.Formats.Gif;
using SixLabors.ImageSharp.Formats.Jpeg;
using SixLabors.ImageSharp.Formats.Png;
using SixLabors.ImageSharp.PixelFormats;

namespace CocoGuest.Tests.Clients.Imaging;

/// <summary>Files to read: one picture in each kind of file, and headers that lie about their size.</summary>
internal static class PictureFiles
{
    public const int Width = 21;
    public const int Height = 14;

    /// <summary>Kinds that keep each pixel of <see cref="Pixel"/>, and JPEG, which does not; by name.</summary>
    public static readonly IReadOnlyDictionary<string, byte[]> ByKind = new Dictionary<string, byte[]>
    {
        ["png rgb"] = Encode(new PngEncoder { ColorType = PngColorType.Rgb }),
        ["png rgba"] = Encode(new PngEncoder { ColorType = PngColorType.RgbWithAlpha }),
        ["png 16 bit"] = Encode(new PngEncoder { ColorType = PngColorType.Rgb, BitDepth = PngBitDepth.Bit16 }),
        ["png palette"] = Encode(new PngEncoder { ColorType = PngColorType.Palette }),
        ["png interlaced"] = Encode(new PngEncoder { ColorType = PngColorType.Rgb, InterlaceMethod = PngInterlaceMode.Adam7 }),
        ["bmp 24 bit"] = Encode(new BmpEncoder { BitsPerPixel = BmpBitsPerPixel.Pixel24 }),
        ["bmp 32 bit"] = Encode(new BmpEncoder { BitsPerPixel = BmpBitsPerPixel.Pixel32 }),
        ["bmp palette"] = Encode(new BmpEncoder { BitsPerPixel = BmpBitsPerPixel.Pixel8 }),
        ["jpeg"] = Encode(new JpegEncoder { Quality = 100, ColorType = JpegColorType.YCbCrRatio444 }),
    };

    public static byte[] Gif { get; } = Encode(new GifEncoder());

    /// <summary>The colours of a pixel: few enough for a palette, changing slowly, as JPEG likes it.</summary>
    public static (byte Red, byte Green, byte Blue) Pixel(int x, int y) => ((byte)(40 + (x / 3 * 25)), (byte)(200 - (y * 10)), 77);

    /// <summary>A PNG of a header and no pixels.</summary>
    public static byte[] PngHeader(int width, int height)
    {
        byte[] header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        (header[8], header[9]) = (8, 2);
        return [0x89, .. "PNG\r\n"u8, 0x1a, 0x0a, .. Chunk("IHDR", header), .. Chunk("IDAT", [0x78]), .. Chunk("IEND", [])];
    }

    /// <summary>The BMP with another size in its header.</summary>
    public static byte[] BmpHeader(int width, int height)
    {
        byte[] file = [.. ByKind["bmp 24 bit"]];
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(18), width);
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(22), height);
        return file;
    }

    /// <summary>The JPEG with another size in its header (marker SOF0).</summary>
    public static byte[] JpegHeader(int width, int height)
    {
        byte[] file = [.. ByKind["jpeg"]];
        int frame = file.AsSpan().IndexOf((byte[])[0xff, 0xc0]);
        BinaryPrimitives.WriteUInt16BigEndian(file.AsSpan(frame + 5), (ushort)height);
        BinaryPrimitives.WriteUInt16BigEndian(file.AsSpan(frame + 7), (ushort)width);
        return file;
    }

    private static byte[] Encode(IImageEncoder encoder)
    {
        using var image = new Image<Rgba32>(Width, Height);
        for (int y = 0; y < Height; y++)
        {
            for (int x = 0; x < Width; x++)
            {
                (byte red, byte green, byte blue) = Pixel(x, y);
                image[x, y] = new Rgba32(red, green, blue);
            }
        }

        using var file = new MemoryStream();
        image.Save(file, encoder);
        return file.ToArray();
    }

    private static byte[] Chunk(string type, byte[] data)
    {
        byte[] chunk = new byte[12 + data.Length];
        BinaryPrimitives.WriteInt32BigEndian(chunk, data.Length);
        Encoding.ASCII.GetBytes(type).CopyTo(chunk, 4);
        data.CopyTo(chunk, 8);
        BinaryPrimitives.WriteUInt32BigEndian(chunk.AsSpan(8 + data.Length), Crc(chunk.AsSpan(4, 4 + data.Length)));
        return chunk;
    }

    private static uint Crc(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte b in bytes)
        {
            crc ^= b;
            for (int bit = 0; bit < 8; bit++)
            {
                crc = (crc >> 1) ^ (0xEDB88320u & (0u - (crc & 1)));
            }
        }

        return ~crc;
    }
}
