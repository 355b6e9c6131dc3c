using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace CocoGuest.Tests.Clients.Imaging;

/// <summary>Builds PNG files, good and bad, without the code under test.</summary>
internal static class PngFiles
{
    public static readonly byte[] Signature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

    public static byte[] Header(
        int width, int height, byte depth = 8, byte colour = 2, byte compression = 0, byte filter = 0, byte interlace = 0)
    {
        byte[] data = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(data, width);
        BinaryPrimitives.WriteInt32BigEndian(data.AsSpan(4), height);
        (data[8], data[9], data[10], data[11], data[12]) = (depth, colour, compression, filter, interlace);
        return Chunk("IHDR", data);
    }

    public static byte[] Chunk(string type, byte[] data)
    {
        byte[] chunk = new byte[12 + data.Length];
        BinaryPrimitives.WriteInt32BigEndian(chunk, data.Length);
        Encoding.ASCII.GetBytes(type).CopyTo(chunk, 4);
        data.CopyTo(chunk, 8);
        BinaryPrimitives.WriteUInt32BigEndian(chunk.AsSpan(8 + data.Length), Crc(chunk.AsSpan(4, 4 + data.Length)));
        return chunk;
    }

    public static byte[] Deflate(byte[] rows)
    {
        var compressed = new MemoryStream();
        using (var deflater = new ZLibStream(compressed, CompressionLevel.Fastest, leaveOpen: true))
            deflater.Write(rows);
        return compressed.ToArray();
    }

    /// <summary>Filters each row of samples by its own filter type and makes a whole file.</summary>
    public static byte[] Filtered(int width, int height, int channels, byte[] samples, int[] filters)
    {
        int stride = width * channels;
        byte[] rows = new byte[height * (stride + 1)];
        for (int y = 0; y < height; y++)
        {
            rows[y * (stride + 1)] = (byte)filters[y % filters.Length];
            for (int i = 0; i < stride; i++)
            {
                int At(int row, int column) => row < 0 || column < 0 ? 0 : samples[(row * stride) + column];
                (int left, int up, int corner) = (At(y, i - channels), At(y - 1, i), At(y - 1, i - channels));
                if (i < channels)
                    (left, corner) = (0, 0);
                int[] guesses = [0, left, up, (left + up) >> 1, Paeth(left, up, corner)];
                rows[(y * (stride + 1)) + 1 + i] = (byte)(At(y, i) - guesses[filters[y % filters.Length]]);
            }
        }

        return
        [
            .. Signature,
            .. Header(width, height, colour: (byte)(channels == 3 ? 2 : 6)),
            .. Chunk("IDAT", Deflate(rows)),
            .. Chunk("IEND", []),
        ];
    }

    private static int Paeth(int left, int up, int corner)
    {
        (int Distance, int Order, int Value)[] candidates =
        [
            (Math.Abs(up - corner), 0, left),
            (Math.Abs(left - corner), 1, up),
            (Math.Abs(left + up - (2 * corner)), 2, corner),
        ];
        return candidates.Min().Value;
    }

    private static uint Crc(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte b in bytes)
        {
            crc ^= b;
            for (int bit = 0; bit < 8; bit++)
                crc = (crc >> 1) ^ (0xEDB88320u & (0u - (crc & 1)));
        }

        return ~crc;
    }
}
