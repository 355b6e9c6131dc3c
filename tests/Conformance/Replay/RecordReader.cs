using System.IO.Compression;
using System.Text.Json;

namespace CocoGuest.Tests.Replay;

/// <summary>Reads recordings: JSON lines, plain or gzip. A line that is no record is an error that names file and line.</summary>
internal static class RecordReader
{
    /// <summary>Recordings among the paths given: files as they are, folders by their .jsonl and .jsonl.gz files in name order.</summary>
    public static IReadOnlyList<string> Find(IEnumerable<string> paths)
    {
        var files = new List<string>();
        foreach (string path in paths)
        {
            if (Directory.Exists(path))
            {
                files.AddRange(Directory.EnumerateFiles(path).Where(IsRecording).Order(StringComparer.Ordinal));
            }
            else
            {
                files.Add(File.Exists(path) ? path : throw new FileNotFoundException($"There is no file or folder '{path}'."));
            }
        }

        return files;
    }

    /// <summary>The records of one file in order.</summary>
    public static IEnumerable<Record> Read(string path)
    {
        using Stream file = File.OpenRead(path);
        using Stream plain = path.EndsWith(".gz", StringComparison.Ordinal) ? new GZipStream(file, CompressionMode.Decompress) : file;
        using var text = new StreamReader(plain);
        int number = 0;
        while (text.ReadLine() is { } line)
        {
            number++;
            if (line.Length > 0)
            {
                yield return Parse(line, path, number);
            }
        }
    }

    private static bool IsRecording(string path) =>
        path.EndsWith(".jsonl", StringComparison.Ordinal) || path.EndsWith(".jsonl.gz", StringComparison.Ordinal);

    private static Record Parse(string line, string path, int number)
    {
        try
        {
            // The document is not pooled: its elements live as long as the case that uses them.
            JsonElement root = JsonDocument.Parse(line).RootElement;
            return new Record(
                root.Text("family"), root.Text("case"), root.GetProperty("step").GetInt32(), root.Text("boot"), root.Text("op"),
                root.GetProperty("in"), root.GetProperty("out"), UnstableOf(root));
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new InvalidDataException($"{path}:{number} is not a record: {e.Message}");
        }
    }

    private static string[]? UnstableOf(JsonElement root) =>
        root.TryGetProperty("unstable", out JsonElement names) ? [.. names.EnumerateArray().Select(n => n.GetString()!)] : null;
}
