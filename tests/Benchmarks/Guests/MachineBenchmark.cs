using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Dma.Swiotlb;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Tests.Benchmarks.Guests;

/// <summary>
/// The machine alone, one core: importer cycles of a shared buffer, bouncing against memcpy, allocation by size and by number of live
/// buffers. Each figure is the median of several rounds, warm, with its floor from the same run beside it.
/// </summary>
internal static class MachineBenchmark
{
    private const int Rounds = 9;
    private const ulong K64 = 65536;
    private const ulong K256 = 262144;

    public static void Run(TextWriter output)
    {
        Cycles(output);
        Bounce(output, "");
        Bounce(output, "512,1");
        foreach (Platform platform in new[] { Platform.SevSnp, Platform.Tdx })
        {
            Allocation(output, platform);
        }

        LiveBuffers(output);
    }

    private static void Cycles(TextWriter output)
    {
        const int Count = 100_000;
        using var host = new GuestRegistry(TimeProvider.System, new Secrets());
        Guest guest = Boot(host, Platform.SevSnp);
        int fd = guest.Heaps.Allocate(guest.Processes.Init, "system_cc_shared", K64, 2, 0).Value.Fd;
        double rate = Count / Median(() => Repeat(Count, () => Cycle(guest, fd)));
        Print(output, "attach+map+unmap+detach, 64 KiB shared", $"{rate:N0} cycles/s", rate / 500_000, "500,000/s");
    }

    // The slot search goes on behind the last allocation (S-SWI-23), so successive mappings walk through the whole pool. The floor makes
    // the same two copies over a ring of the pool's size; once with the default pool, which no cache holds, once with one of 1 MiB.
    private static void Bounce(TextWriter output, string swiotlb)
    {
        const int Count = 2_000;
        using var host = new GuestRegistry(TimeProvider.System, new Secrets());
        Guest guest = Boot(host, Platform.SevSnp, swiotlb);
        int fd = guest.Heaps.Allocate(guest.Processes.Init, "system", K256, 2, 0).Value.Fd;
        byte[] buffer = new byte[K256];
        byte[] ring = new byte[guest.Snapshot().Dma.DefaultPool!.Slots * (ulong)SwiotlbPool.SlotBytes];
        ulong address = guest.Mappings.Mmap(guest.Processes.Init, fd, 0, null, null, CocoGuest.Machine.Abi.MapFlags.Shared).Value.Address;
        guest.Mappings.Store(guest.Processes.Init, address, buffer);
        ulong attachment = guest.Importers.Attach(guest.Processes.Init, fd, "").Value.Attachment;
        int place = 0;
        double[] ratios = new double[Rounds];
        double bounced = 0;

        // Interleaved, so that both see the same machine; the first two rounds only warm up.
        for (int round = -2; round < Rounds; round++)
        {
            double copies = Repeat(Count, () =>
            {
                Span<byte> slots = ring.AsSpan(place, (int)K256);
                buffer.CopyTo(slots);
                slots.CopyTo(buffer);
                place = (place + (int)K256) % ring.Length;
            });
            bounced = Repeat(Count, () =>
            {
                MapAndUnmap(guest, attachment);
            });
            if (round >= 0)
            {
                ratios[round] = copies / bounced;
            }
        }

        Array.Sort(ratios);
        string speed = string.Create(CultureInfo.InvariantCulture, $"{2.0 * K256 * Count / bounced / 1e9:N1} GB/s");
        Print(output, $"bounce map+unmap, 256 KiB, pool {ring.Length >> 20} MiB", speed,
            ratios[Rounds / 2], $"two memcpys over a ring of {ring.Length >> 20} MiB");
    }

    private static void Allocation(TextWriter output, Platform platform)
    {
        using var host = new GuestRegistry(TimeProvider.System, new Secrets());
        Guest guest = Boot(host, platform);
        double small = Median(() => Repeat(20_000, () => AllocateAndRelease(guest, K64))) / 20_000;
        double large = Median(() => Repeat(50, () => AllocateAndRelease(guest, 1UL << 30))) / 50;
        string name = PlatformProfile.Of(platform).Name;
        Print(output, $"allocate+release 64 KiB shared, {name}", $"{small * 1e6:N2} us", 1, "itself");
        Print(output, $"allocate+release 1 GiB shared, {name}", $"{large * 1e6:N1} us", large / small, "64 KiB");
        double half = Median(() => AllocateOnly(guest));
        Print(output, $"of that, allocate 1 GiB, {name}", $"{half * 1e6:N1} us", half / large, "allocate+release");
    }

    private static void LiveBuffers(TextWriter output)
    {
        using var host = new GuestRegistry(TimeProvider.System, new Secrets());
        Guest guest = Boot(host, Platform.SevSnp);
        double few = WithLive(guest, 10);
        double many = WithLive(guest, 10_000);
        Print(output, "allocate+release 64 KiB, 10,000 live buffers", $"{many * 1e6:N2} us", many / few, "10 live buffers");
    }

    private static double WithLive(Guest guest, int live)
    {
        for (int i = 0; i < live; i++)
        {
            _ = guest.Heaps.Allocate(guest.Processes.Init, "system_cc_shared", K64, 2, 0).Value;
        }

        return Median(() => Repeat(20_000, () => AllocateAndRelease(guest, K64))) / 20_000;
    }

    private static void Cycle(Guest guest, int fd)
    {
        ulong attachment = guest.Importers.Attach(guest.Processes.Init, fd, "").Value.Attachment;
        MapAndUnmap(guest, attachment);
        Must(guest.Importers.Detach(guest.Processes.Init, attachment));
    }

    private static void MapAndUnmap(Guest guest, ulong attachment)
    {
        Must(guest.Importers.Map(guest.Processes.Init, attachment, DmaDirection.Bidirectional, 0).Failure);
        Must(guest.Importers.Unmap(guest.Processes.Init, attachment));
    }

    // A benchmark of failures would be fast.
    private static void Must(Failure? failure)
    {
        if (failure is not null)
        {
            throw new InvalidOperationException(failure.Sentence);
        }
    }

    private static void AllocateAndRelease(Guest guest, ulong length)
    {
        BufferHandle buffer = guest.Heaps.Allocate(guest.Processes.Init, "system_cc_shared", length, 2, 0).Value;
        Must(guest.Buffers.Release(guest.Processes.Init, buffer.Fd));
    }

    private static double AllocateOnly(Guest guest)
    {
        long start = Stopwatch.GetTimestamp();
        BufferHandle buffer = guest.Heaps.Allocate(guest.Processes.Init, "system_cc_shared", 1UL << 30, 2, 0).Value;
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        guest.Buffers.Release(guest.Processes.Init, buffer.Fd);
        return seconds;
    }

    private static Guest Boot(GuestRegistry host, Platform platform, string swiotlb = "") =>
        host.Create(new GuestShape { Platform = platform, MemoryBytes = 4UL << 30, Cpus = 1, Swiotlb = swiotlb }).Value;

    private static double Median(Func<double> seconds)
    {
        seconds();
        seconds();
        double[] all = [.. Enumerable.Range(0, Rounds).Select(_ => seconds())];
        Array.Sort(all);
        return all[Rounds / 2];
    }

    private static double Repeat(int count, Action action)
    {
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < count; i++)
        {
            action();
        }

        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static void Print(TextWriter output, string what, string figure, double ratio, string floor) =>
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what,-48} {figure,18}   {ratio,6:N2}x of {floor}"));

    private sealed class Secrets : ISecretSource
    {
        public Handle128 Next() => Handle128.FromBytes(RandomNumberGenerator.GetBytes(16));
    }
}
