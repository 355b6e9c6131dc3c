using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using CocoGuest.Linux;
using CocoGuest.Machine.Memory.Encryption;

namespace CocoGuest.Tests.Benchmarks.Engine;

/// <summary>
/// Speed of <see cref="XexEngine"/> in GB/s (10^9 bytes per second) of one core's time, beside OpenSSL's AES-128-XTS on 4 KiB. Both
/// count the CPU time of the one thread, so busy neighbours disturb less. Hot: the engine keeps the page's tweaks. Cold: 64 MiB
/// page after page, where it keeps none and makes each tweak anew.
/// </summary>
internal static class EngineBenchmark
{
    private const int Runs = 9;
    private const double SecondsPerRun = 0.1;

    public static void Run(TextWriter output)
    {
        byte[] small = new byte[4096];
        byte[] large = new byte[64 << 20];
        byte[] target = new byte[64 << 20];
        new Random(1).NextBytes(large);
        var engine = new XexEngine(1, 1);
        var portable = new XexEngine(1, 1, portable: true);
        (string Name, int Bytes, Action Work)[] cases =
        [
            ("hot: encrypt 4 KiB in place", small.Length, () => engine.Encrypt(small, small, 0x5000)),
            ("hot: decrypt 4 KiB in place", small.Length, () => engine.Decrypt(small, small, 0x5000)),
            ("hot: encrypt 64 B line in place", 64, () => engine.Encrypt(small.AsSpan(64, 64), small.AsSpan(64, 64), 0x5040)),
            ("hot: encrypt 512 KiB in place", 512 << 10, () => engine.Encrypt(large.AsSpan(0, 512 << 10), large.AsSpan(0, 512 << 10), 0)),
            ("cold: encrypt 64 MiB in place", large.Length, () => engine.Encrypt(large, large, 0)),
            ("cold: decrypt 64 MiB in place", large.Length, () => engine.Decrypt(large, large, 0)),
            ("cold: encrypt 64 MiB to another buffer", large.Length, () => engine.Encrypt(large, target, 0)),
            ("portable, hot: encrypt 4 KiB in place", small.Length, () => portable.Encrypt(small, small, 0x5000)),
            ("portable, cold: encrypt 64 MiB in place", large.Length, () => portable.Encrypt(large, large, 0)),
            ("memcpy 64 MiB", large.Length, () => large.CopyTo(target, 0)),
        ];
        var floors = new List<double>();
        AddFloor(floors);
        var measured = cases.Select(one => (one.Name, Speeds: Measure(one.Bytes, one.Work))).ToList();
        AddFloor(floors);
        AddFloor(floors);
        floors.Sort();
        double floor = floors.Count == 0 ? 0 : floors[floors.Count / 2];
        output.WriteLine(floor == 0
            ? "openssl aes-128-xts 4 KiB: not measured, no openssl on the path"
            : Text($"openssl aes-128-xts 4 KiB: {floor:F2} GB/s [{floors[0]:F2}..{floors[^1]:F2}]"));
        foreach ((string? name, double[]? speeds) in measured)
        {
            string ratio = floor == 0 ? "" : Text($"  {speeds[Runs / 2] / floor:F2} x openssl");
            output.WriteLine(Text($"{name,-42}{speeds[Runs / 2],6:F2} GB/s [{speeds[0]:F2}..{speeds[^1]:F2}]{ratio}"));
        }
    }

    /// <summary>GB/s of each run, sorted. Warms up until the JIT has optimized the path.</summary>
    private static double[] Measure(int bytes, Action work)
    {
        long calls = 0L;
        for (double end = CpuSeconds() + 5 * SecondsPerRun; CpuSeconds() < end; calls++)
            work();
        calls = Math.Max(calls / 5, 1);
        double[] speeds = new double[Runs];
        for (int run = 0; run < Runs; run++)
        {
            double start = CpuSeconds();
            for (long call = 0L; call < calls; call++)
                work();
            speeds[run] = (double)bytes * calls / (CpuSeconds() - start) / 1e9;
        }
        Array.Sort(speeds);
        return speeds;
    }

    /// <summary>Adds one second of `openssl speed`, which counts user CPU time; nothing where there is no openssl.</summary>
    private static void AddFloor(List<double> floors)
    {
        const string Mark = "+F:";
        try
        {
            var start = new ProcessStartInfo("openssl", "speed -mr -seconds 1 -bytes 4096 -evp aes-128-xts")
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            };
            using Process process = Process.Start(start)!;
            process.ErrorDataReceived += (_, _) => { };
            process.BeginErrorReadLine();
            string? line = process.StandardOutput.ReadToEnd().Split('\n').FirstOrDefault(l => l.StartsWith(Mark, StringComparison.Ordinal));
            process.WaitForExit();
            if (line is not null)
                floors.Add(double.Parse(line.Split(':')[^1], CultureInfo.InvariantCulture) / 1e9);
        }
        catch (Win32Exception)
        {
            // Not installed.
        }
    }

    private static string Text(FormattableString text) => FormattableString.Invariant(text);

    private static unsafe double CpuSeconds()
    {
        TimeSpec time;
        _ = Libc.ClockGettime(Libc.ClockThreadCputimeId, &time);
        return time.Sec + time.Nsec * 1e-9;
    }
}
