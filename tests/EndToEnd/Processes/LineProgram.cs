using System.Text.Json.Nodes;

namespace CocoGuest.Tests.EndToEnd.Processes;

/// <summary>A program of ours that speaks the line protocol: an importer, or the demo's application.</summary>
internal sealed class LineProgram : IAsyncDisposable
{
    private int _lastId;

    private LineProgram(ChildProgram program) => Program = program;

    /// <summary>The process.</summary>
    public ChildProgram Program { get; }

    /// <summary>Starts a program; <see cref="ReadyAsync"/> waits until it serves.</summary>
    public static LineProgram Start(string path, params string[] arguments) => new(ChildProgram.Start(path, arguments));

    /// <summary>Waits until it serves.</summary>
    public async Task ReadyAsync() => await Program.ReadLineAsync(line => line.StartsWith("ready ", StringComparison.Ordinal));

    /// <summary>Runs an operation.</summary>
    /// <returns>The result.</returns>
    /// <exception cref="InvalidOperationException">It was refused.</exception>
    public async Task<JsonNode> CallAsync(string operation, JsonObject? fields = null)
    {
        JsonObject request = fields ?? [];
        int id = ++_lastId;
        request["id"] = id;
        request["op"] = operation;
        await Program.Input.WriteLineAsync(request.ToJsonString());
        await Program.Input.FlushAsync();
        string line = await Program.ReadLineAsync(text => JsonNode.Parse(text)!["id"]?.GetValue<int>() == id);
        JsonNode answer = JsonNode.Parse(line)!;
        return answer["ok"]!.GetValue<bool>()
            ? answer["result"]!
            : throw new InvalidOperationException($"{operation} was refused: {answer["error"]!.ToJsonString()}");
    }

    /// <summary>Waits for an event.</summary>
    public async Task<JsonNode> EventAsync(string name) =>
        JsonNode.Parse(await Program.ReadLineAsync(text => JsonNode.Parse(text)!["event"]?.GetValue<string>() == name))!;

    /// <summary>A clean exit: the end of stdin.</summary>
    public async Task<int> ExitAsync()
    {
        Program.Input.Close();
        return await Program.WaitForExitAsync();
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => Program.DisposeAsync();
}
