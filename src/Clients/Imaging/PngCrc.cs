namespace CocoGuest.Imaging;

/// <summary>CRC-32 of PNG chunks: polynomial 0xEDB88320 (reflected), all ones before and inverted after.</summary>
internal static class PngCrc
{
    private static readonly uint[] Table = MakeTable();

    /// <summary>CRC over a chunk's type and data.</summary>
    public static uint Compute(ReadOnlySpan<byte> type, ReadOnlySpan<byte> data) => ~Update(Update(uint.MaxValue, type), data);

    private static uint Update(uint crc, ReadOnlySpan<byte> bytes)
    {
        foreach (byte b in bytes)
            crc = Table[(byte)crc ^ b] ^ (crc >> 8);
        return crc;
    }

    private static uint[] MakeTable()
    {
        uint[] table = new uint[256];
        for (uint n = 0u; n < table.Length; n++)
        {
            uint c = n;
            for (int bit = 0; bit < 8; bit++)
                c = (c & 1) != 0 ? 0xEDB88320u ^ (c >> 1) : c >> 1;
            table[n] = c;
        }

        return table;
    }
}
