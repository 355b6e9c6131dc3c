using System.Buffers.Binary;
using System.IO.Compression;

namespace CocoGuest.Imaging;

/// <summary>Writes XRGB8888 pictures as 8-bit RGB PNG files; the X byte is dropped. The same picture always gives the same bytes.</summary>
public static class PngWriter
{
    private const int Channels = 3;

    /// <summary>Encodes a picture.</summary>
    /// <param name="picture">The picture; its padding is not looked at.</param>
    public static byte[] Encode(Picture picture)
    {
        PictureLayout layout = picture.Layout;
        var file = new MemoryStream();
        file.Write([0x89, (byte)'P', (byte)'N', (byte)'G', 0x0d, 0x0a, 0x1a, 0x0a]);
        Span<byte> header = stackalloc byte[PngHeader.Length];
        header.Clear();
        BinaryPrimitives.WriteInt32BigEndian(header, layout.Width);
        BinaryPrimitives.WriteInt32BigEndian(header[4..], layout.Height);
        header[8] = 8;
        header[9] = 2;
        WriteChunk(file, "IHDR"u8, header);
        WriteChunk(file, "IDAT"u8, Deflate(picture));
        WriteChunk(file, "IEND"u8, []);
        return file.ToArray();
    }

    private static ReadOnlySpan<byte> Deflate(Picture picture)
    {
        PictureLayout layout = picture.Layout;
        var compressed = new MemoryStream();
        using (var deflater = new ZLibStream(compressed, CompressionLevel.Optimal, leaveOpen: true))
        {
            byte[] row = new byte[layout.Width * Channels];
            byte[] above = new byte[row.Length];
            byte[] candidate = new byte[row.Length];
            byte[] best = new byte[row.Length];
            for (int y = 0; y < layout.Height; y++)
            {
                Pack(picture.Row(y), row);
                int type = ChooseFilter(row, above, ref candidate, ref best);
                deflater.WriteByte((byte)type);
                deflater.Write(best);
                (row, above) = (above, row);
            }
        }

        return compressed.GetBuffer().AsSpan(0, (int)compressed.Length);
    }

    // The usual heuristic: the filter whose bytes, taken as signed, have the smallest sum of magnitudes.
    private static int ChooseFilter(byte[] row, byte[] above, ref byte[] candidate, ref byte[] best)
    {
        (int bestType, long bestSum) = (0, long.MaxValue);
        for (int type = 0; type < PngFilters.Count; type++)
        {
            PngFilters.Apply(type, row, above, Channels, candidate);
            long sum = 0L;
            foreach (byte b in candidate)
                sum += b < 128 ? b : 256 - b;
            if (sum >= bestSum)
                continue;
            (bestType, bestSum) = (type, sum);
            (candidate, best) = (best, candidate);
        }

        return bestType;
    }

    private static void Pack(ReadOnlySpan<byte> pixels, Span<byte> samples)
    {
        for (int from = 0, to = 0; from < pixels.Length; from += PictureLayout.BytesPerPixel, to += Channels)
        {
            samples[to] = pixels[from + 2];
            samples[to + 1] = pixels[from + 1];
            samples[to + 2] = pixels[from];
        }
    }

    private static void WriteChunk(MemoryStream file, ReadOnlySpan<byte> type, ReadOnlySpan<byte> data)
    {
        Span<byte> word = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(word, data.Length);
        file.Write(word);
        file.Write(type);
        file.Write(data);
        BinaryPrimitives.WriteUInt32BigEndian(word, PngCrc.Compute(type, data));
        file.Write(word);
    }
}
