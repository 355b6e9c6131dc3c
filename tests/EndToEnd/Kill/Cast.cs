using System.Text.Json.Nodes;
using CocoGuest.Tests.EndToEnd.Processes;

namespace CocoGuest.Tests.EndToEnd.Kill;

/// <summary>The demo's application and importers as processes of their own, played step by step by a test.</summary>
internal sealed class Cast : IAsyncDisposable
{
    private static readonly string Mark = Convert.ToBase64String("the sender's bytes"u8);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("coco-e2e-cast-");
    private readonly Dictionary<CastRole, LineProgram> _programs;
    private readonly Dictionary<(CastRole Role, string Buffer), int> _fds = [];
    private readonly (CastStep Step, Func<Task> Play)[] _steps;
    private JsonObject? _write;
    private int _pictureHandle;

    /// <summary>Starts all four in a guest.</summary>
    public Cast(ServerProcess server, string guest)
    {
        string[] to = ["--server", server.Unix, "--guest", guest];
        _programs = new()
        {
            [CastRole.Application] = LineProgram.Start(Programs.Coco, ["demo-application", .. to]),
            [CastRole.Sender] = LineProgram.Start(Programs.RdmaImporter, [.. to, "--device", "rdma0"]),
            [CastRole.Receiver] = LineProgram.Start(Programs.RdmaImporter, [.. to, "--device", "rdma1"]),
            [CastRole.Gpu] = LineProgram.Start(Programs.DrmImporter, [.. to, "--device", "card0"]),
        };
        _steps =
        [
            (CastStep.Started, () => Task.WhenAll(_programs.Values.Select(p => p.ReadyAsync()))),
            (CastStep.Allocated, AllocateAsync),
            (CastStep.Written, WriteAsync),
            (CastStep.Imported, ImportAsync),
            (CastStep.Registered, RegisterAsync),
            (CastStep.Connected, ConnectAsync),
        ];
    }

    /// <summary>Who lives.</summary>
    public IReadOnlyCollection<CastRole> Living => _programs.Keys;

    /// <summary>Plays from the start up to a step, inclusive.</summary>
    public async Task PlayAsync(CastStep last)
    {
        foreach ((_, Func<Task> play) in _steps.Where(s => s.Step <= last))
        {
            await play();
        }
    }

    /// <summary>kill -9 of one.</summary>
    public async Task KillAsync(CastRole victim)
    {
        _programs.Remove(victim, out LineProgram? program);
        program!.Program.Kill();
        await program.DisposeAsync();
    }

    /// <summary>Each of those who live allocates, writes, reads and closes; and goes on with what it had at this step.</summary>
    public async Task WorkOnAsync(CastStep step)
    {
        foreach (LineProgram program in _programs.Values)
        {
            int fd = (await AllocateAsync(program, "system_cc_shared"))["fd"]!.GetValue<int>();
            await program.CallAsync("store", new() { ["fd"] = fd, ["data"] = Mark });
            Assert.Equal(Mark, (await program.CallAsync("load", new() { ["fd"] = fd, ["length"] = 18 }))["data"]!.ToString());
            await program.CallAsync("close", new() { ["fd"] = fd });
        }

        if (step >= CastStep.Connected && _programs.ContainsKey(CastRole.Receiver)
            && _programs.TryGetValue(CastRole.Sender, out LineProgram? sender))
        {
            Assert.Equal(0, (await sender.CallAsync("write", _write!.DeepClone().AsObject()))["status"]!.GetValue<int>());
        }

        if (step >= CastStep.Registered && _programs.TryGetValue(CastRole.Gpu, out LineProgram? gpu))
        {
            // The picture lives as long as the GPU holds it, whoever allocated it (S-BUF-92).
            ulong job = (await gpu.CallAsync("checksum", new() { ["handle"] = _pictureHandle }))["seqno"]!.GetValue<ulong>();
            Assert.True((await gpu.CallAsync("wait", new() { ["seqno"] = job }))["ok"]!.GetValue<bool>());
        }
    }

    /// <summary>The application's view of the first bytes of the picture.</summary>
    public async Task<string> ReadPictureAsync() => (await _programs[CastRole.Application].CallAsync(
        "load", new() { ["fd"] = _fds[(CastRole.Application, "picture")], ["length"] = 18 }))["data"]!.ToString();

    /// <summary>What the sender's RDMA WRITE brings.</summary>
    public static string SentBytes => Mark;

    /// <summary>Clean exits of all who live.</summary>
    public async Task ExitAllAsync()
    {
        foreach (LineProgram program in _programs.Values)
        {
            Assert.Equal(0, await program.ExitAsync());
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (LineProgram program in _programs.Values)
        {
            await program.DisposeAsync();
        }

        _folder.Delete(recursive: true);
    }

    private static Task<JsonNode> AllocateAsync(LineProgram program, string heap) =>
        program.CallAsync("alloc", new() { ["heap"] = heap, ["len"] = Holdings.BufferSize });

    private async Task AllocateAsync()
    {
        foreach ((CastRole role, string buffer, string heap) in new[]
        {
            (CastRole.Application, "picture", "system_cc_shared"), (CastRole.Application, "secret", "system"),
            (CastRole.Sender, "source", "system_cc_shared"),
        })
        {
            _fds[(role, buffer)] = (await AllocateAsync(_programs[role], heap))["fd"]!.GetValue<int>();
        }
    }

    private async Task WriteAsync()
    {
        foreach (((CastRole role, string buffer), int fd) in _fds)
        {
            string data = buffer == "source" ? Mark : Convert.ToBase64String("not sent yet......"u8);
            await _programs[role].CallAsync("store", new() { ["fd"] = fd, ["data"] = data });
        }
    }

    private async Task ImportAsync()
    {
        foreach ((CastRole role, string buffer)
            in new[] { (CastRole.Receiver, "picture"), (CastRole.Gpu, "picture"), (CastRole.Gpu, "secret") })
        {
            JsonNode exported = await _programs[CastRole.Application].CallAsync(
                "export", new() { ["fd"] = _fds[(CastRole.Application, buffer)] });
            JsonNode imported = await _programs[role].CallAsync("import", new() { ["token"] = exported["token"]!.ToString() });
            _fds[(role, buffer)] = imported["fd"]!.GetValue<int>();
        }
    }

    private async Task RegisterAsync()
    {
        JsonNode source = await _programs[CastRole.Sender].CallAsync("reg", new() { ["fd"] = _fds[(CastRole.Sender, "source")] });
        JsonNode target = await _programs[CastRole.Receiver].CallAsync("reg", new() { ["fd"] = _fds[(CastRole.Receiver, "picture")] });
        _write = new()
        {
            ["lkey"] = source["lkey"]!.GetValue<uint>(),
            ["local"] = 0,
            ["rkey"] = target["rkey"]!.GetValue<uint>(),
            ["remote"] = 0,
            ["length"] = 18,
        };
        LineProgram gpu = _programs[CastRole.Gpu];
        _pictureHandle = (await gpu.CallAsync(
            "fd-to-handle", new() { ["fd"] = _fds[(CastRole.Gpu, "picture")] }))["handle"]!.GetValue<int>();
        JsonNode secret = await gpu.CallAsync("fd-to-handle", new() { ["fd"] = _fds[(CastRole.Gpu, "secret")] });
        Assert.True(secret["bounced"]!.GetValue<bool>());
    }

    private async Task ConnectAsync()
    {
        string path = Path.Combine(_folder.FullName, "rdma.sock");
        await _programs[CastRole.Receiver].CallAsync("listen", new() { ["path"] = path });
        LineProgram sender = _programs[CastRole.Sender];
        _write!["qp"] = (await sender.CallAsync("connect", new() { ["path"] = path }))["qp"]!.GetValue<uint>();
        Assert.Equal(0, (await sender.CallAsync("write", _write.DeepClone().AsObject()))["status"]!.GetValue<int>());
    }
}
