using CocoGuest.Linux.Events;

namespace CocoGuest.Supervisor.Calls;

/// <summary>What a poll asks for.</summary>
/// <param name="Entries">Its table.</param>
/// <param name="Timeout">In milliseconds; negative: for ever.</param>
internal sealed record PollRequest(PollFd[] Entries, int Timeout);
