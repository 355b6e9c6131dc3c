using CocoGuest.Machine.Memory;

namespace CocoGuest.Tests.Replay;

/// <summary>
/// Guest-physical memory of a few ranges, without encryption: as on the platform on which the runs were recorded. It knows what was touched
/// since a range was last filled, so that each case can begin with filled memory for little.
/// </summary>
internal sealed class FlatMemory : IBounceMemory
{
    private readonly List<Area> _areas = [];

    public void Add(ulong start, int length) => _areas.Add(new Area(start, new byte[length]) { Touched = 0..length });

    public Span<byte> At(ulong phys, ulong length)
    {
        Area area = Find(phys);
        int from = (int)(phys - area.Start);
        int end = from + (int)length;
        area.Touched = Math.Min(area.Touched.Start.Value, from)..Math.Max(area.Touched.End.Value, end);
        return area.Bytes.AsSpan(from, (int)length);
    }

    /// <summary>Fills the range that an address lies in, all of it.</summary>
    public void Fill(ulong phys, byte value)
    {
        Area area = Find(phys);
        int from = Math.Min(area.Touched.Start.Value, area.Touched.End.Value);
        area.Bytes.AsSpan(from, area.Touched.End.Value - from).Fill(value);
        area.Touched = area.Bytes.Length..0;
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

    private Area Find(ulong phys)
    {
        foreach (Area area in _areas)
        {
            if (phys - area.Start < (ulong)area.Bytes.Length)
            {
                return area;
            }
        }

        throw new InvalidOperationException($"There is no memory at 0x{phys:x}.");
    }

    private sealed class Area(ulong start, byte[] bytes)
    {
        public ulong Start => start;

        public byte[] Bytes => bytes;

        public Range Touched { get; set; }
    }
}
