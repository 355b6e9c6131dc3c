using System.Text.Json.Nodes;
using CocoGuest.DrmImporter.Prime;

namespace CocoGuest.DrmImporter.Jobs;

/// <summary>A job of the GPU: the objects it uses, and what it does with them.</summary>
/// <param name="Name">Name of the operation.</param>
/// <param name="Objects">The objects; the job holds each until it is done.</param>
/// <param name="RunAsync">The work; gives what the fence tells.</param>
internal sealed record Job(string Name, IReadOnlyList<GemObject> Objects, Func<CancellationToken, Task<JsonObject>> RunAsync);
