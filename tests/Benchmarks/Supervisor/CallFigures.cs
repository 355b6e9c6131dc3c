namespace CocoGuest.Tests.Benchmarks.Supervisor;

/// <summary>What one call cost, in nanoseconds.</summary>
/// <param name="Name">The call.</param>
/// <param name="Cpu">CPU time of everybody who worked on it: for an intercepted call caller and supervisor.</param>
/// <param name="Best">Elapsed time, best hundred calls in a row.</param>
/// <param name="Median">Elapsed time, median hundred.</param>
internal sealed record CallFigures(string Name, double Cpu, double Best, double Median);
