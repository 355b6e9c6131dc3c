using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json;
using CocoGuest.Linux;

namespace CocoGuest.Tests.Benchmarks.Supervisor;

/// <summary>
/// The program that makes the calls. It is this very benchmark, started again: no compiler is needed, and a call costs some 10 ns more than
/// in C, which is the same on both sides of every ratio.
/// </summary>
internal static unsafe class CallLoop
{
    private const int Batches = 200;
    private const int BatchCalls = 100;
    private const int QuickBatches = 21;
    private const int QuickCalls = 50_000;
    private const int Copies = 21;
    private const int Chunk = 64;

    /// <summary>Measures, and writes the figures as JSON into a file.</summary>
    /// <param name="arguments">
    /// The file; then <c>intercepted</c> with the number of an fd to use (−1: of a buffer that is allocated) and the pid of the supervisor,
    /// <c>quick</c>, perhaps with <c>filtered</c>: under a filter that allows everything; or <c>memory</c>.
    /// </param>
    public static int Run(IReadOnlyList<string> arguments)
    {
        List<CallFigures> figures = arguments[1] switch
        {
            "intercepted" => Intercepted(Number(arguments[2]), Number(arguments[3])),
            "quick" => Quick(arguments.Contains("filtered")),
            _ => Memory(),
        };
        File.WriteAllText(arguments[0], JsonSerializer.Serialize(figures));
        return 0;
    }

    private static List<CallFigures> Intercepted(int given, int supervisor)
    {
        int fd = given >= 0 ? given : Allocate(1 << 16);
        byte* stat = stackalloc byte[256];
        byte* file = Text("/etc/passwd");
        byte* device = Text("/dev/null");
        ulong start = 5; // DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ
        ulong end = 5 | 4;
        ulong* toggle = stackalloc ulong[2];
        (toggle[0], toggle[1]) = (start, end);
        int turn = 0;
        return
        [
            Slow("ioctl DMA_BUF_IOCTL_SYNC", supervisor, () => Must(Libc.Ioctl(fd, Kernel.BufferSync, toggle + (turn++ & 1)))),
            Slow("open and close of /etc/passwd", supervisor, () => _ = Libc.Close(Must(Libc.Open(file, Libc.ORdonly)))),
            Slow("open and close of /dev/null", supervisor, () => _ = Libc.Close(Must(Libc.Open(device, Libc.ORdonly)))),
            Slow("stat of /etc/passwd", supervisor, () => Kernel.Stat(file, stat)),
        ];
    }

    private static List<CallFigures> Quick(bool filtered)
    {
        if (filtered)
        {
            Must(Kernel.AllowAll());
        }

        byte* buffer = (byte*)NativeMemory.AllocZeroed(Chunk);
        int zero = Must(Libc.Open(Text("/dev/zero"), Libc.ORdonly));
        int sink = Must(Libc.Open(Text("/dev/null"), Libc.ORdwr));
        return
        [
            Fast("getppid", () => BareLibc.Getppid()),
            Fast("read of 64 bytes of /dev/zero", () => BareLibc.Read(zero, buffer, Chunk)),
            Fast("write of 64 bytes to /dev/null", () => BareLibc.Write(sink, buffer, Chunk)),
        ];
    }

    // Figures are per copy; both mappings in turn, so that a busy machine treats them alike.
    private static List<CallFigures> Memory()
    {
        var figures = new List<CallFigures>();
        foreach (nuint size in new nuint[] { 1 << 20, 64 << 20 })
        {
            byte* source = (byte*)NativeMemory.AllocZeroed(size);
            new Span<byte>(source, (int)size).Fill(1);
            byte* buffer = Kernel.Map(Allocate(size), size);
            byte* plain = Kernel.Map(-1, size);
            var times = new Dictionary<string, List<double>>();
            for (int i = 0; i <= Copies; i++)
            {
                foreach ((string name, nint from, nint to) in new[]
                {
                    ($"memcpy into {size >> 20} MiB, buffer", (nint)source, (nint)buffer),
                    ($"memcpy into {size >> 20} MiB, plain", (nint)source, (nint)plain),
                    ($"memcpy out of {size >> 20} MiB, buffer", (nint)buffer, (nint)source),
                    ($"memcpy out of {size >> 20} MiB, plain", (nint)plain, (nint)source),
                })
                {
                    double time = Copy((byte*)from, (byte*)to, size);
                    // The first round touches the pages.
                    (times.TryGetValue(name, out List<double>? all) ? all : times[name] = []).AddRange(i == 0 ? [] : [time]);
                }
            }

            figures.AddRange(times.Select(t => new CallFigures(t.Key, Middle(t.Value), t.Value.Min(), Middle(t.Value))));
        }

        return figures;
    }

    private static double Copy(byte* from, byte* to, nuint size)
    {
        int times = (int)Math.Max(1, (32 << 20) / size);
        long start = Kernel.ThreadNanos();
        for (int i = 0; i < times; i++)
        {
            NativeMemory.Copy(from, to, size);
        }

        return (Kernel.ThreadNanos() - start) / (double)times;
    }

    private static CallFigures Slow(string name, int supervisor, Action call)
    {
        // Enough for both sides' compilers to be done.
        for (int i = 0; i < Batches * BatchCalls; i++)
        {
            call();
        }

        var batches = new List<double>();
        long others = Kernel.ProcessNanos(supervisor);
        long own = Kernel.ThreadNanos();
        for (int batch = 0; batch < Batches; batch++)
        {
            long begin = Stopwatch.GetTimestamp();
            for (int i = 0; i < BatchCalls; i++)
            {
                call();
            }

            batches.Add(Stopwatch.GetElapsedTime(begin).TotalNanoseconds / BatchCalls);
        }

        own = Kernel.ThreadNanos() - own;
        others = Kernel.ProcessNanos(supervisor) - others;
        return new CallFigures(name, (own + others) / (double)(Batches * BatchCalls), batches.Min(), Middle(batches));
    }

    private static CallFigures Fast(string name, Func<nint> call)
    {
        var batches = new List<double>();
        for (int batch = 0; batch <= QuickBatches; batch++)
        {
            long begin = Kernel.ThreadNanos();
            for (int i = 0; i < QuickCalls; i++)
            {
                call();
            }

            batches.Add((Kernel.ThreadNanos() - begin) / (double)QuickCalls);
        }

        batches.RemoveAt(0);
        return new CallFigures(name, Middle(batches), batches.Min(), Middle(batches));
    }

    private static double Middle(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted[sorted.Length / 2];
    }

    private static int Allocate(nuint length)
    {
        ulong* data = stackalloc ulong[3];
        (data[0], data[1], data[2]) = (length, (ulong)Libc.ORdwr << 32, 0);
        int heap = Must(Libc.Open(Text("/dev/dma_heap/system_cc_shared"), Libc.ORdonly));
        Must(Libc.Ioctl(heap, Kernel.HeapAllocate, data));
        _ = Libc.Close(heap);
        return (int)(uint)data[1];
    }

    private static int Number(string text) => int.Parse(text, System.Globalization.CultureInfo.InvariantCulture);

    private static byte* Text(string text) => (byte*)Marshal.StringToCoTaskMemUTF8(text);

    private static int Must(int result) =>
        result >= 0 ? result : throw new InvalidOperationException($"errno {Marshal.GetLastPInvokeError()}");
}
