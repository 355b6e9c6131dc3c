using System.Diagnostics;
using System.Globalization;
using CocoGuest.Client;
using CocoGuest.Client.Internal;
using CocoGuest.V1;
using Grpc.Health.V1;

namespace CocoGuest.Tests.Benchmarks.Rpc;

/// <summary>
/// The control plane over the Unix socket, against an empty unary call (health Check) of the same connection. Calls and empty calls are
/// interleaved one by one, so both see the same machine.
/// </summary>
internal static class RpcBenchmark
{
    private const int WarmUp = 6_000;
    private const int Cycles = 6_000;
    private const int Callers = 16;
    private const ulong K64 = 65536;
    private static readonly HealthCheckRequest Empty = new();

    public static void Run(TextWriter output) => RunAsync(output).GetAwaiter().GetResult();

    private static async Task RunAsync(TextWriter output)
    {
        StartAndIdle(output);
        using var server = BenchServer.Start();
        using CocoConnection connection = server.Connect();
        await using GuestProcess process = await GuestProcess.OpenAsync(connection, name: "bench");
        await RunCyclesAsync(connection, process, WarmUp);
        Dictionary<string, List<double>> one = await RunCyclesAsync(connection, process, Cycles);
        PrintCalls(output, "1 caller", one);
        PrintCalls(output, $"{Callers} callers", await RunCallersAsync(server));
        await TokenToMemoryAsync(output, process);
        foreach (string platform in new[] { "snp", "tdx" })
        {
            await BySizeAsync(output, connection, platform);
        }

        await ByLiveBuffersAsync(output, connection, process);
    }

    private static void StartAndIdle(TextWriter output)
    {
        var times = new List<double>();
        long resident = 0;
        for (int i = 0; i < 9; i++)
        {
            using var server = BenchServer.Start();
            times.Add(server.StartTime.TotalMilliseconds);
            resident = server.ResidentBytes;
        }

        times.Sort();
        output.WriteLine(
            Text($"server ready: {times[times.Count / 2]:N0} ms median of {times.Count} starts [{times[0]:N0}..{times[^1]:N0}]; ")
            + Text($"idle {resident / 1048576.0:N0} MiB resident"));
    }

    // One cycle: each of the six calls, each with an empty call before it.
    private static async Task<Dictionary<string, List<double>>> RunCyclesAsync(CocoConnection connection, GuestProcess process, int cycles)
    {
        var times = new Dictionary<string, List<double>>();
        GuestService.GuestServiceClient guest = connection.Guest;
        string handle = process.Handle;
        for (int i = 0; i < cycles; i++)
        {
            AllocateBufferResponse buffer = await TimeAsync("AllocateBuffer", async () =>
                await guest.AllocateBufferAsync(new AllocateBufferRequest { Process = handle, Heap = "system_cc_shared", Len = K64 }));
            AttachResponse attach = await TimeAsync("Attach", async () =>
                await guest.AttachAsync(new AttachRequest { Process = handle, Fd = buffer.Fd }));
            await TimeAsync("MapDmaBuf", async () =>
                await guest.MapDmaBufAsync(new MapDmaBufRequest { Process = handle, Attachment = attach.Attachment }));
            await TimeAsync("UnmapDmaBuf", async () =>
                await guest.UnmapDmaBufAsync(new UnmapDmaBufRequest { Process = handle, Attachment = attach.Attachment }));
            await TimeAsync("Detach", async () =>
                await guest.DetachAsync(new DetachRequest { Process = handle, Attachment = attach.Attachment }));
            await TimeAsync("Release", async () =>
                await guest.ReleaseAsync(new ReleaseRequest { Process = handle, Fd = buffer.Fd }));
        }

        return times;

        async Task<T> TimeAsync<T>(string name, Func<Task<T>> call)
        {
            await AddAsync("empty call", async () => await connection.Health.CheckAsync(Empty));
            return await AddAsync(name, call);
        }

        async Task<T> AddAsync<T>(string name, Func<Task<T>> call)
        {
            long start = Stopwatch.GetTimestamp();
            T result = await call();
            if (!times.TryGetValue(name, out List<double>? list))
            {
                times[name] = list = [];
            }

            list.Add(Stopwatch.GetElapsedTime(start).TotalMicroseconds);
            return result;
        }
    }

    private static async Task<Dictionary<string, List<double>>> RunCallersAsync(BenchServer server)
    {
        var all = new Dictionary<string, List<double>>();
        Dictionary<string, List<double>>[] each = await Task.WhenAll(Enumerable.Range(0, Callers).Select(async _ =>
        {
            using CocoConnection connection = server.Connect();
            await using GuestProcess process = await GuestProcess.OpenAsync(connection, name: "bench");
            await RunCyclesAsync(connection, process, 200);
            return await RunCyclesAsync(connection, process, 1_000);
        }));
        foreach ((string name, List<double> times) in each.SelectMany(d => d))
        {
            if (!all.TryGetValue(name, out List<double>? list))
            {
                all[name] = list = [];
            }

            list.AddRange(times);
        }

        return all;
    }

    private static async Task TokenToMemoryAsync(TextWriter output, GuestProcess process)
    {
        var times = new List<double>();
        var empty = new List<double>();
        BrokerConnection? broker = null;
        for (int i = 0; i < 3_000; i++)
        {
            await using GuestBuffer buffer = await process.AllocateAsync("system_cc_shared", K64);
            long before = Stopwatch.GetTimestamp();
            await process.Connection.Health.CheckAsync(Empty);
            empty.Add(Stopwatch.GetElapsedTime(before).TotalMicroseconds);
            MmapResponse map = await process.Connection.Guest.MmapAsync(new MmapRequest { Process = process.Handle, Fd = buffer.Fd });
            broker ??= BrokerConnection.Connect(map.BrokerPath);
            long start = Stopwatch.GetTimestamp();
            using ReceivedMemory memory = await broker.RedeemAsync(map.FdToken);
            using var mapped = MemoryMapHandle.Map(memory.Fd, map.FdOffset, map.Length, writable: true);
            times.Add(Stopwatch.GetElapsedTime(start).TotalMicroseconds);
            await process.Connection.Guest.MunmapAsync(new MunmapRequest { Process = process.Handle, Address = map.Address });
        }

        broker?.Dispose();
        output.WriteLine(
            Text($"token to mapped memory, 64 KiB: p50 {Percentile(times, 50):N1} us, p99 {Percentile(times, 99):N1} us; ")
            + Text($"{Percentile(times, 50) / Percentile(empty, 50):N2}x an empty call ({Percentile(empty, 50):N1} us)"));
    }

    private static async Task BySizeAsync(TextWriter output, CocoConnection connection, string platform)
    {
        string name = "bench-" + platform;
        await connection.Host.CreateGuestAsync(new CreateGuestRequest { Shape = new GuestShape { Name = name, Platform = platform } });
        var times = new Dictionary<ulong, List<double>> { [K64] = [], [1UL << 30] = [] };
        for (int i = 0; i < 600; i++)
        {
            foreach ((ulong length, List<double> list) in times)
            {
                list.Add(await AllocateAndReleaseAsync(connection, name, "", length));
            }
        }

        double small = Percentile(times[K64].Skip(100), 50);
        double large = Percentile(times[1UL << 30].Skip(100), 50);
        output.WriteLine(
            Text($"AllocateBuffer of 1 GiB shared, {platform}: p50 {large:N0} us, {large / small:N1}x that of 64 KiB ({small:N1} us)"));
        await connection.Host.DestroyGuestAsync(new DestroyGuestRequest { Guest = name });
    }

    // Two guests, one with 10 and one with 10,000 live buffers, called in turns.
    private static async Task ByLiveBuffersAsync(TextWriter output, CocoConnection connection, GuestProcess process)
    {
        _ = process;
        (string Name, int Live)[] guests = [("bench-few", 10), ("bench-many", 10_000)];
        foreach ((string name, int live) in guests)
        {
            await connection.Host.CreateGuestAsync(new CreateGuestRequest { Shape = new GuestShape { Name = name, Platform = "snp" } });
            for (int i = 0; i < live; i++)
            {
                await connection.Guest.AllocateBufferAsync(
                    new AllocateBufferRequest { Guest = name, Heap = "system_cc_shared", Len = K64 });
            }
        }

        Dictionary<string, List<double>> times = guests.ToDictionary(g => g.Name, _ => new List<double>());
        for (int i = 0; i < 5_000; i++)
        {
            foreach ((string name, List<double> list) in times)
            {
                list.Add(await AllocateAndReleaseAsync(connection, name, "", K64));
            }
        }

        double few = Percentile(times["bench-few"], 50);
        double many = Percentile(times["bench-many"], 50);
        output.WriteLine(Text($"AllocateBuffer with 10,000 live buffers: p50 {many:N1} us, {many / few:N2}x that with 10 ({few:N1} us)"));
    }

    private static async Task<double> AllocateAndReleaseAsync(CocoConnection connection, string guest, string process, ulong length)
    {
        long start = Stopwatch.GetTimestamp();
        AllocateBufferResponse buffer = await connection.Guest.AllocateBufferAsync(
            new AllocateBufferRequest { Guest = guest, Process = process, Heap = "system_cc_shared", Len = length });
        double time = Stopwatch.GetElapsedTime(start).TotalMicroseconds;
        await connection.Guest.ReleaseAsync(new ReleaseRequest { Guest = guest, Process = process, Fd = buffer.Fd });
        return time;
    }

    private static void PrintCalls(TextWriter output, string how, Dictionary<string, List<double>> times)
    {
        double floor = Percentile(times["empty call"], 50);
        foreach ((string name, List<double> list) in times.OrderByDescending(t => t.Key == "empty call"))
        {
            double p50 = Percentile(list, 50);
            output.WriteLine(
                Text($"{how,-11} {name,-15} p50 {p50,7:N1} us  p99 {Percentile(list, 99),8:N1} us  {p50 / floor,5:N2}x an empty call"));
        }
    }

    private static double Percentile(IEnumerable<double> times, int percent)
    {
        double[] sorted = [.. times.Order()];
        return sorted[Math.Min(sorted.Length - 1, sorted.Length * percent / 100)];
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
