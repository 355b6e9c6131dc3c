using System.IO.Compression;
using System.Text.Json;

namespace CocoGuest.Tests.Conformance.Dma;

/// <summary>One recorded boot: its steps in order.</summary>
internal static class Recording
{
    /// <summary>Reads a file of the folder <c>Recordings</c>.</summary>
    public static IReadOnlyList<JsonElement> Read(string name)
    {
        string path = Path.Combine(AppContext.BaseDirectory, "Recordings", name + ".jsonl.gz");
        using var text = new StreamReader(new GZipStream(File.OpenRead(path), CompressionMode.Decompress));
        var steps = new List<JsonElement>();
        while (text.ReadLine() is { } line)
        {
            using var document = JsonDocument.Parse(line);
            steps.Add(document.RootElement.Clone());
        }

        return steps;
    }

    public static string Text(this JsonElement element, string key) => element.GetProperty(key).GetString()!;

    public static ulong Number(this JsonElement element, string key) => element.GetProperty(key).GetUInt64();

    public static ulong Hex(this JsonElement element, string key) => Convert.ToUInt64(element.Text(key), 16);

    public static bool Has(this JsonElement element, string key) => element.TryGetProperty(key, out _);
}
