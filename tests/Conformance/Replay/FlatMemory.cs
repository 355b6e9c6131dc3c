using CocoGuest.Machine.Dma;

namespace CocoGuest.Tests.Replay;

/// <summary>Guest-physical memory of a few ranges, without encryption: as on the platform on which the runs were recorded.</summary>
internal sealed class FlatMemory : IBounceMemory
{
    private readonly List<(ulong Start, byte[] Bytes)> _ranges = [];

    public void Add(ulong start, int length) => _ranges.Add((start, new byte[length]));

    public Span<byte> At(ulong phys, ulong length)
    {
        (ulong start, byte[] bytes) = _ranges.Single(range => phys >= range.Start && phys < range.Start + (ulong)range.Bytes.Length);
        return bytes.AsSpan((int)(phys - start), (int)length);
    }

    public void Copy(ulong sourcePhys, ulong targetPhys, ulong length, BounceWay way) =>
        At(sourcePhys, length).CopyTo(At(targetPhys, length));

    /// <summary>Bytes as the recordings write them: runs of equal ones, at most 16 runs in the DMA families, 24 in the others.</summary>
    public static string Runs(ReadOnlySpan<byte> bytes, int limit = 16)
    {
        var runs = new List<string>();
        for (int i = 0; i < bytes.Length && runs.Count < limit;)
        {
            int length = bytes[i..].IndexOfAnyExcept(bytes[i]) is var end && end < 0 ? bytes.Length - i : end;
            runs.Add($"[\"{bytes[i]:x2}\",{length}]");
            i += length;
        }

        return $"[{string.Join(',', runs)}]";
    }
}
