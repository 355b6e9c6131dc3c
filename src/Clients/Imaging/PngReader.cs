using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace CocoGuest.Imaging;

/// <summary>
/// Reads PNG files into XRGB8888.
/// Models: signature, chunk order, CRC of each chunk, IHDR, IDAT, IEND, all five row filters, the Adler checksum of the pixels.
/// Does not model: other depths and colour types, interlacing (refused by name); colour profiles, gamma, transparency (ignored: alpha and
/// ancillary chunks do not change what is read; X is 0xff).
/// </summary>
public static class PngReader
{
    private static ReadOnlySpan<byte> Signature => [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0d, 0x0a, 0x1a, 0x0a];

    /// <summary>Decodes a whole file.</summary>
    /// <param name="file">The bytes of the file.</param>
    /// <exception cref="PngException">Not a PNG, damaged, or of a kind that is not read; the message says what was found.</exception>
    public static Picture Decode(ReadOnlySpan<byte> file)
    {
        if (!file.StartsWith(Signature))
            throw new PngException("This is not a PNG file: the first eight bytes are not the PNG signature.");
        ReadOnlySpan<byte> rest = file[Signature.Length..];
        (string type, ReadOnlySpan<byte> data) = NextChunk(ref rest);
        if (type != "IHDR")
            throw new PngException($"The first chunk is {type} instead of IHDR.");
        var header = PngHeader.Parse(data);
        return Inflate(header, CollectImageData(ref rest));
    }

    private static MemoryStream CollectImageData(ref ReadOnlySpan<byte> rest)
    {
        var pixels = new MemoryStream();
        ImageData state = ImageData.NotSeen;
        while (true)
        {
            (string type, ReadOnlySpan<byte> data) = NextChunk(ref rest);
            if (type != "IDAT" && state == ImageData.Open)
                state = ImageData.Closed;
            switch (type)
            {
                case "IDAT" when state == ImageData.Closed:
                    throw new PngException("The IDAT chunks are not consecutive.");
                case "IDAT":
                    state = ImageData.Open;
                    pixels.Write(data);
                    break;
                case "IEND" when state == ImageData.NotSeen:
                    throw new PngException("There is no IDAT chunk before IEND.");
                case "IEND":
                    pixels.Position = 0;
                    return pixels;
                case "PLTE":
                    // In an RGB picture only a hint for displays with few colours.
                    break;
                default:
                    if (char.IsAsciiLetterUpper(type[0]))
                        throw new PngException($"The chunk {type} is marked as critical and is not known here.");
                    break;
            }
        }
    }

    private static Picture Inflate(PngHeader header, MemoryStream compressed)
    {
        PictureLayout layout = header.Layout;
        var picture = new Picture(layout);
        byte[] row = new byte[layout.Width * header.Channels];
        byte[] above = new byte[row.Length];
        byte[] filter = new byte[1];
        try
        {
            using var inflater = new ZLibStream(compressed, CompressionMode.Decompress);
            for (int y = 0; y < layout.Height; y++)
            {
                inflater.ReadExactly(filter);
                inflater.ReadExactly(row);
                if (filter[0] >= PngFilters.Count)
                    throw new PngException($"Row {y} names filter type {filter[0]}; types 0 to {PngFilters.Count - 1} exist.");
                PngFilters.Undo(filter[0], row, above, header.Channels);
                Unpack(row, header.Channels, picture.Row(y));
                (row, above) = (above, row);
            }

            // Reading past the last row also makes zlib check the Adler checksum.
            if (inflater.Read(filter) != 0)
                throw new PngException("The IDAT chunks hold more bytes than the picture has pixels.");
        }
        catch (InvalidDataException e)
        {
            throw new PngException("The compressed pixels are damaged: zlib refuses them.", e);
        }
        catch (EndOfStreamException e)
        {
            throw new PngException("The compressed pixels end before the last row.", e);
        }

        return picture;
    }

    private static void Unpack(ReadOnlySpan<byte> samples, int channels, Span<byte> pixels)
    {
        for (int from = 0, to = 0; to < pixels.Length; from += channels, to += PictureLayout.BytesPerPixel)
        {
            pixels[to] = samples[from + 2];
            pixels[to + 1] = samples[from + 1];
            pixels[to + 2] = samples[from];
            pixels[to + 3] = 0xff;
        }
    }

    private static Chunk NextChunk(ref ReadOnlySpan<byte> rest)
    {
        const int Overhead = 12;
        if (rest.Length < Overhead)
            throw new PngException("The file ends before the IEND chunk.");
        uint length = BinaryPrimitives.ReadUInt32BigEndian(rest);
        ReadOnlySpan<byte> type = rest.Slice(4, 4);
        foreach (byte letter in type)
        {
            if (!char.IsAsciiLetter((char)letter))
                throw new PngException("A chunk type is not four letters; the file is damaged.");
        }

        string name = Encoding.ASCII.GetString(type);
        if (length > (uint)(rest.Length - Overhead))
            throw new PngException($"The chunk {name} claims {length} bytes; the file ends before.");
        ReadOnlySpan<byte> data = rest.Slice(8, (int)length);
        if (BinaryPrimitives.ReadUInt32BigEndian(rest[(8 + (int)length)..]) != PngCrc.Compute(type, data))
            throw new PngException($"The CRC of the chunk {name} is wrong; the file is damaged.");
        rest = rest[(Overhead + (int)length)..];
        return new Chunk(name, data);
    }

    private enum ImageData
    {
        NotSeen,
        Open,
        Closed,
    }

    private readonly ref struct Chunk(string type, ReadOnlySpan<byte> data)
    {
        private readonly ReadOnlySpan<byte> _data = data;

        public void Deconstruct(out string name, out ReadOnlySpan<byte> bytes)
        {
            name = type;
            bytes = _data;
        }
    }
}
