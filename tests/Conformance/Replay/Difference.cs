namespace CocoGuest.Tests.Replay;

/// <summary>A field in which the machine and the record differ.</summary>
/// <param name="Record">The record.</param>
/// <param name="Field">Its field.</param>
/// <param name="Want">What the kernel gave.</param>
/// <param name="Got">What the machine gave; "(nothing)" where it gave none.</param>
internal sealed record Difference(Record Record, string Field, string Want, string Got);
