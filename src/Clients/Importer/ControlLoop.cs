using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using CocoGuest.Client;

namespace CocoGuest.Importer;

/// <summary>
/// The line protocol of the importer programs. The first line on stdout is <c>ready {json}</c>. Then: one JSON object a line on stdin is
/// one request <c>{"id":1,"op":"..."}</c>; one JSON object a line on stdout answers it, <c>{"id":1,"ok":true,"result":{...}}</c> or
/// <c>{"id":1,"ok":false,"error":{"errno":5,"errnoName":"EIO","operation":..,"step":..,"message":..}}</c>, in the order of the requests.
/// Lines with <c>"event"</c> come at any time. The end of stdin ends the program; so does the end of the server, with the event
/// <c>server-gone</c> and exit code 3.
/// </summary>
public sealed class ControlLoop
{
    /// <summary>Exit code when the server is gone.</summary>
    public const int ServerGoneExitCode = 3;

    private static readonly JsonSerializerOptions Json = new() { NumberHandling = JsonNumberHandling.Strict };

    private readonly TextReader _input;
    private readonly TextWriter _output;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Func<ControlRequest, CancellationToken, Task<JsonObject>>> _operations = [];

    /// <summary>A loop over two streams of lines.</summary>
    /// <param name="input">Requests.</param>
    /// <param name="output">Answers and events.</param>
    public ControlLoop(TextReader input, TextWriter output)
    {
        _input = input;
        _output = output;
        On("exit", (_, _) => Task.FromResult(new JsonObject()));
    }

    /// <summary>Adds an operation.</summary>
    /// <param name="operation">Its name.</param>
    /// <param name="run">What it does; its result becomes the answer.</param>
    public void On(string operation, Func<ControlRequest, CancellationToken, Task<JsonObject>> run) => _operations[operation] = run;

    /// <summary>Writes the line that says that the program is ready.</summary>
    /// <param name="state">What a starter needs to know.</param>
    public void Ready(JsonObject state) => WriteLine("ready " + state.ToJsonString(Json));

    /// <summary>Writes an event.</summary>
    /// <param name="name">What happened.</param>
    /// <param name="fields">More about it; becomes part of the line.</param>
    public void Event(string name, JsonObject? fields = null)
    {
        var line = new JsonObject { ["event"] = name };
        foreach ((string? key, JsonNode? value) in fields ?? [])
            line[key] = value?.DeepClone();
        WriteLine(line.ToJsonString(Json));
    }

    /// <summary>Serves requests until <c>exit</c>, the end of input, or the end of the process in the guest.</summary>
    /// <param name="process">The guest process that the program is.</param>
    /// <param name="cancel">Ends the loop.</param>
    /// <returns>The program's exit code.</returns>
    public async Task<int> RunAsync(GuestProcess process, CancellationToken cancel)
    {
        // A read of stdin blocks a thread and heeds no token; the program's end ends it.
        var serving = Task.Run(() => ServeAsync(cancel), CancellationToken.None);
        var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using CancellationTokenRegistration registration = cancel.Register(() => cancelled.TrySetCanceled(cancel));
        Task first = await Task.WhenAny(serving, process.Ended, cancelled.Task);
        cancel.ThrowIfCancellationRequested();
        if (first == serving)
        {
            await serving;
            return 0;
        }

        ProcessEnd end = await process.Ended;
        bool gone = end.Kind == ProcessEndKind.ServerGone;
        Event(gone ? "server-gone" : "process-ended", new JsonObject { ["reason"] = end.Reason });
        return gone ? ServerGoneExitCode : 1;
    }

    /// <summary>The fields of an error, as answers carry them.</summary>
    /// <param name="error">What was thrown.</param>
    public static JsonObject Describe(Exception error) => error is CocoException coco
        ? new JsonObject
        {
            ["errno"] = coco.Errno,
            ["errnoName"] = coco.ErrnoName,
            ["operation"] = coco.Operation,
            ["step"] = coco.Step,
            ["field"] = coco.Field,
            ["serverGone"] = coco is ServerGoneException,
            ["message"] = coco.Message,
        }
        : new JsonObject { ["errno"] = 0, ["errnoName"] = "", ["message"] = error.Message };

    private async Task ServeAsync(CancellationToken cancel)
    {
        while (await _input.ReadLineAsync(cancel) is { } line)
        {
            if (string.IsNullOrWhiteSpace(line))
                continue;
            (JsonObject? answer, bool last) = await AnswerAsync(line, cancel);
            WriteLine(answer.ToJsonString(Json));
            if (last)
                return;
        }
    }

    private async Task<(JsonObject Answer, bool Last)> AnswerAsync(string line, CancellationToken cancel)
    {
        JsonNode? id = null;
        try
        {
            if (JsonNode.Parse(line) is not JsonObject json)
                throw new JsonException("A request is a JSON object.");
            var request = new ControlRequest(json);
            id = request.Id;
            if (!_operations.TryGetValue(request.Operation, out Func<ControlRequest, CancellationToken, Task<JsonObject>>? run))
                throw new CocoException(22, "EINVAL", "request", "op", $"'{request.Operation}' is no operation; there are {Names()}.");
            JsonObject result = await run(request, cancel);
            return (new JsonObject { ["id"] = id, ["ok"] = true, ["result"] = result }, request.Operation == "exit");
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            return (new JsonObject { ["id"] = id, ["ok"] = false, ["error"] = Describe(e) }, false);
        }
    }

    private string Names() => string.Join(", ", _operations.Keys.Order(StringComparer.Ordinal));

    private void WriteLine(string line)
    {
        lock (_lock)
        {
            _output.WriteLine(line);
            _output.Flush();
        }
    }
}
