namespace CocoGuest.Supervisor.Files;

/// <summary>What a process still had of a file when it exited.</summary>
/// <param name="Pid">The process.</param>
/// <param name="Fds">Its fds.</param>
/// <param name="Mappings">How many mappings of it.</param>
public sealed record LeftOpen(int Pid, IReadOnlyList<int> Fds, int Mappings);
