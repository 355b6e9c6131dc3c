using CocoGuest.Machine.Memory;

namespace CocoGuest.Tests.Machine.Dma;

/// <summary>Notes the copies that a pool asks for; moves no byte.</summary>
internal sealed class RecordingBounceMemory : IBounceMemory
{
    public List<(ulong Source, ulong Target, ulong Length, BounceWay Way)> Copies { get; } = [];

    public void Copy(ulong sourcePhys, ulong targetPhys, ulong length, BounceWay way) => Copies.Add((sourcePhys, targetPhys, length, way));
}
