using System.Globalization;
using System.Text.Json;
using CocoGuest.Client;
using CocoGuest.Service.Hosting;
using CocoGuest.Service.Options;
using CocoGuest.V1;
using Grpc.Health.V1;

namespace CocoGuest.Tests.Benchmarks.Rpc;

/// <summary>
/// Managed bytes that a call allocates beyond those of an empty unary call, server and client together, in one process over a real Unix
/// socket. The figures are gated: <c>reviewed-allocations.json</c> says what was reviewed, and 10 % and 64 bytes more fail the benchmark.
/// </summary>
internal static class AllocationBenchmark
{
    private const int WarmUp = 1_000;
    private const int Calls = 1_500;
    private const double Tolerance = 1.10;
    private const int Slack = 64;

    public static void Run(TextWriter output) => Environment.ExitCode = RunAsync(output).GetAwaiter().GetResult() ? 0 : 1;

    private static async Task<bool> RunAsync(TextWriter output)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("coco-bench-");
        bool passed;
        await using (GuestServer server = await GuestServer.StartAsync(
            new ServerOptions { Tcp = null, RuntimeDirectory = folder.FullName }, TimeProvider.System, _ => { }))
        {
            using var connection = CocoConnection.Connect("unix:" + server.SocketPath);
            await using GuestProcess process = await GuestProcess.OpenAsync(connection, name: "bench");
            passed = await MeasureAsync(output, connection, process.Handle);
        }

        folder.Delete(recursive: true);
        return passed;
    }

    private static async Task<bool> MeasureAsync(TextWriter output, CocoConnection connection, string process)
    {
        GuestService.GuestServiceClient guest = connection.Guest;
        var fds = new Stack<int>();
        var attachments = new Queue<ulong>();
        int keep = (await Allocate()).Fd;
        (string Name, Func<Task> Call)[] calls =
        [
            ("empty call", async () => await connection.Health.CheckAsync(new HealthCheckRequest())),
            ("AllocateBuffer", async () => fds.Push((await Allocate()).Fd)),
            ("Release", async () => await guest.ReleaseAsync(new ReleaseRequest { Process = process, Fd = fds.Pop() })),
            ("Attach", async () =>
                attachments.Enqueue((await guest.AttachAsync(new AttachRequest { Process = process, Fd = keep })).Attachment)),
            ("MapDmaBuf", () => OnEach(a =>
                guest.MapDmaBufAsync(new MapDmaBufRequest { Process = process, Attachment = a }).ResponseAsync)),
            ("UnmapDmaBuf", () => OnEach(a =>
                guest.UnmapDmaBufAsync(new UnmapDmaBufRequest { Process = process, Attachment = a }).ResponseAsync)),
            ("Detach", async () => await guest.DetachAsync(new DetachRequest { Process = process, Attachment = attachments.Dequeue() })),
        ];
        foreach ((string _, Func<Task> call) in calls)
        {
            await BytesAsync(call, WarmUp);
        }

        var bytes = new Dictionary<string, double>();
        foreach ((string name, Func<Task> call) in calls)
        {
            bytes[name] = await BytesAsync(call, Calls);
        }

        return Gate(output, bytes);

        async Task<AllocateBufferResponse> Allocate() =>
            await guest.AllocateBufferAsync(new AllocateBufferRequest { Process = process, Heap = "system_cc_shared", Len = 65536 });

        // Takes the attachments in turn and leaves them in the queue.
        async Task OnEach<T>(Func<ulong, Task<T>> call)
        {
            ulong attachment = attachments.Dequeue();
            await call(attachment);
            attachments.Enqueue(attachment);
        }
    }

    private static async Task<double> BytesAsync(Func<Task> call, int count)
    {
        long before = GC.GetTotalAllocatedBytes(precise: true);
        for (int i = 0; i < count; i++)
        {
            await call();
        }

        return (double)(GC.GetTotalAllocatedBytes(precise: true) - before) / count;
    }

    private static bool Gate(TextWriter output, Dictionary<string, double> bytes)
    {
        string file = Path.Combine(AppContext.BaseDirectory, "Rpc", "reviewed-allocations.json");
        Dictionary<string, double> reviewed = JsonSerializer.Deserialize<Dictionary<string, double>>(File.ReadAllText(file))!;
        double floor = bytes["empty call"];
        output.WriteLine(Text($"{"empty call",-15} {floor,8:N0} bytes, client and server"));
        bool passed = true;
        foreach ((string name, double all) in bytes.Where(b => b.Key != "empty call"))
        {
            double above = all - floor;
            double limit = (reviewed[name] * Tolerance) + Slack;
            bool ok = above <= limit;
            passed &= ok;
            output.WriteLine(
                Text($"{name,-15} {above,8:N0} bytes more; reviewed {reviewed[name]:N0}{(ok ? "" : $": FAILED, above {limit:N0}")}"));
        }

        return passed;
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
