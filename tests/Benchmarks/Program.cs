using CocoGuest.Tests.Benchmarks.Engine;
using CocoGuest.Tests.Benchmarks.Guests;
using CocoGuest.Tests.Benchmarks.Rpc;
using CocoGuest.Tests.Benchmarks.Supervisor;

// One name per line; each benchmark prints its figures and the floor of the same run beside them.
var benchmarks = new SortedDictionary<string, Action<TextWriter>>(StringComparer.Ordinal)
{
    ["allocations"] = AllocationBenchmark.Run,
    ["engine"] = EngineBenchmark.Run,
    ["machine"] = MachineBenchmark.Run,
    ["rpc"] = RpcBenchmark.Run,
    ["supervisor"] = SupervisorBenchmark.Run,
};

// The part that this program plays for the benchmark of the supervisor.
if (args is [SupervisorBenchmark.CallsWord, ..])
    return CallLoop.Run(args[1..]);

if (args.Length == 1 && benchmarks.TryGetValue(args[0], out Action<TextWriter>? run))
{
    run(Console.Out);
    return Environment.ExitCode;
}
Console.Error.WriteLine($"usage: benchmarks <name>, one of: {string.Join(", ", benchmarks.Keys)}");
return 2;
