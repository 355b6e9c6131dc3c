using CocoGuest.Machine.Abi;

namespace CocoGuest.Machine.Fences;

/// <summary>What poll found.</summary>
/// <param name="Ready">Rows with an event.</param>
/// <param name="Events">The events of each row.</param>
/// <param name="Wait">
/// When nothing was ready and there is time left: completes when it is worth asking again, or when the time is over.
/// </param>
public sealed record PollAnswer(int Ready, IReadOnlyList<PollEvents> Events, FenceWait? Wait);
