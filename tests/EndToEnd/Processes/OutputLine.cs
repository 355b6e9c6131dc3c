namespace CocoGuest.Tests.EndToEnd.Processes;

/// <summary>A line that a program wrote, and when it arrived.</summary>
/// <param name="Text">The line.</param>
/// <param name="Arrived">CLOCK_MONOTONIC in nanoseconds.</param>
internal readonly record struct OutputLine(string Text, long Arrived);
