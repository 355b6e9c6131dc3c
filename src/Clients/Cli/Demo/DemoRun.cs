using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using CocoGuest.Client;
using CocoGuest.Imaging;
using CocoGuest.Linux.Files;
using CocoGuest.V1;

namespace CocoGuest.Cli.Demo;

/// <summary>
/// One run of the demo. A guest of its own; an application, two RDMA importers and a DRM importer as processes; one picture goes
/// sender → (RDMA WRITE) → the application's first buffer → (GPU) → its second buffer → a PNG file. The run measures what each did, says
/// before what the reference's statements predict, and checks the outcome against it.
/// Buffers are attached before anything moves, because that is when private buffers go stale: a mapping is a snapshot (S-SYS-62).
/// </summary>
/// <param name="options">What to do.</param>
/// <param name="server">The server.</param>
/// <param name="connection">A connection to it.</param>
/// <param name="directory">A private directory.</param>
/// <param name="step">Told of each step.</param>
internal sealed class DemoRun(DemoOptions options, DemoServer server, CocoConnection connection, string directory, Action<string> step)
{
    private const int Eio = 5;
    private const int Enoent = 2;
    private const uint StartReadWrite = 3;
    private const uint EndReadWrite = 7;
    private const uint StartRead = 1;
    private const uint EndRead = 5;

    private readonly DemoReport _report = new() { Options = options };
    private readonly string _guest = string.Create(CultureInfo.InvariantCulture, $"demo-{Environment.ProcessId}");
    private readonly List<(ulong Address, ulong Length)> _chunks = [];
    private PageStates? _statesBefore;
    private Picture _input = null!;

    /// <summary>Runs.</summary>
    /// <exception cref="CocoException">Something failed that no statement predicts.</exception>
    public async Task<DemoReport> RunAsync(CancellationToken cancel)
    {
        _input = options.Input is null
            ? DrawnPicture.Draw(options.Size)
            : await PictureFile.ReadAsync(options.Input, cancel);
        PictureLayout layout = _input.Layout;
        _report.Input = options.Input ?? await SaveDrawnAsync(cancel);
        _report.Picture = $"{layout.Width}x{layout.Height}, pitch {layout.Pitch}, {layout.Bytes} bytes";
        _report.Server = server.Pid is { } pid ? $"{server.Target}, started for the demo, pid {pid}" : $"{server.Target}, was running";
        _report.Guest = _guest;
        _report.Prediction = DemoPrediction.For(options, 0);
        step($"create guest {_guest}: platform {options.Platform}, kernel 7.2");
        var shape = new GuestShape { Name = _guest, Platform = options.Platform, Kernel = "7.2", MemoryBytes = 1UL << 30 };
        await connection.Host.CreateGuestAsync(new CreateGuestRequest { Shape = shape }, cancellationToken: cancel);
        try
        {
            await WithProcessesAsync(cancel);
            return _report;
        }
        finally
        {
            await DestroyGuestAsync();
        }
    }

    // What the result came from, to be looked at beside it. There is nothing beside a result that is no file.
    private async Task<string?> SaveDrawnAsync(CancellationToken cancel)
    {
        if (UnixFiles.StatusOf(options.Output) is { Type: not (UnixFileType.Regular or UnixFileType.Link) })
            return null;
        string path = Path.ChangeExtension(options.Output, null) + "-input.png";
        step($"draw the picture, and save it as {path}");
        await File.WriteAllBytesAsync(path, PictureFile.EncodePng(_input), cancel);
        return path;
    }

    private async Task WithProcessesAsync(CancellationToken cancel)
    {
        step("start the application, two RDMA importers and the DRM importer");
        (string? rdma, string? drm) = (ProgramLocator.Find(ProgramLocator.RdmaImporter), ProgramLocator.Find(ProgramLocator.DrmImporter));
        string[] mode = ["--mode", options.Mediated ? "mediated" : "mapped"];
        Task<ChildProgram>[] starts = new[]
        {
            StartAsync("application", ProgramLocator.Self, ["demo-application"], [], cancel),
            StartAsync("RDMA sender", rdma, [], ["--name", "sender", "--device", "rdma0", .. mode], cancel),
            StartAsync("RDMA receiver", rdma, [], ["--name", "receiver", "--device", "rdma1", .. mode], cancel),
            StartAsync("DRM importer", drm, [], ["--name", "gpu", "--device", "card0", .. mode], cancel),
        };
        var cast = new List<ChildProgram>();
        try
        {
            foreach (Task<ChildProgram>? start in starts)
                cast.Add(await start);
            await PlayAsync(new Cast(cast[0], cast[1], cast[2], cast[3]), cancel);
        }
        finally
        {
            foreach (Task<ChildProgram>? start in starts)
            {
                if (start.IsCompletedSuccessfully)
                    await (await start).DisposeAsync();
            }
        }
    }

    private Task<ChildProgram> StartAsync(string role, string path, string[] before, string[] after, CancellationToken cancel) =>
        ChildProgram.StartAsync(role, path, [.. before, "--server", server.Target, "--guest", _guest, .. after], cancel);

    private async Task PlayAsync(Cast cast, CancellationToken cancel)
    {
        _report.Before = await InfoAsync(cancel);
        _statesBefore = await PageStates.TakeAsync(connection, _guest, cancel);
        try
        {
            await MovePictureAsync(cast, cancel);
        }
        catch (CocoException e) when (e.Errno == Enoent && _report.Prediction.Outcome == DemoOutcome.NoSuchHeap)
        {
            (_report.Outcome, _report.Error) = (DemoOutcome.NoSuchHeap, Output.Sentence(e));
        }
        catch (CocoException e) when (e.Errno == Eio)
        {
            (_report.Outcome, _report.Error) = (DemoOutcome.MapFailed, Output.Sentence(e));
            await MeasureAsync(cast, cancel);
        }

        await ShowPrivatePageAsync(cast.Application, cancel);
    }

    private async Task MovePictureAsync(Cast cast, CancellationToken cancel)
    {
        PictureLayout layout = _input.Layout;
        step($"application: allocate two buffers of {layout.Bytes} bytes from {options.Heap}");
        (uint pictureFd, uint resultFd) = (await AllocateAsync(cast.Application, cancel), await AllocateAsync(cast.Application, cancel));
        _report.Prediction = DemoPrediction.For(options, _chunks.Max(c => c.Length));

        RegisteredBuffer target = default;
        (uint Source, uint Destination) handles = default;
        Func<Task>[] attach =
        [
            async () => target = await RegisterAsync(cast.Receiver, await ShareAsync(cast, pictureFd, cast.Receiver, cancel), 7, cancel),
            async () => handles = (
                await HandleAsync(cast.Gpu, await ShareAsync(cast, pictureFd, cast.Gpu, cancel), cancel),
                await HandleAsync(cast.Gpu, await ShareAsync(cast, resultFd, cast.Gpu, cancel), cancel)),
        ];
        foreach (Func<Task>? importer in options.GpuFirst ? attach.Reverse() : attach)
            await importer();

        await SendAsync(cast, target, cancel);
        await SyncAsync(cast.Application, pictureFd, StartReadWrite, cancel);
        await SyncAsync(cast.Application, pictureFd, EndReadWrite, cancel);
        await ConvolveAsync(cast.Gpu, handles, cancel);
        await SyncAsync(cast.Application, resultFd, StartRead, cancel);
        step($"application: save {options.Output}");
        string digest = await SaveAsync(cast.Application, resultFd, options.Output, cancel);
        await SyncAsync(cast.Application, resultFd, EndRead, cancel);
        _report.Outcome = Classify(digest);
        await MeasureAsync(cast, cancel);
        CheckCopies();
        await TearDownAsync(cast, target, handles, pictureFd, resultFd, cancel);
    }

    private async Task<uint> AllocateAsync(ChildProgram application, CancellationToken cancel)
    {
        var request = new JsonObject { ["heap"] = options.Heap, ["len"] = _input.Layout.Bytes };
        JsonNode answer = await application.CallAsync("alloc", request, cancel);
        uint fd = answer["fd"]!.GetValue<uint>();
        JsonNode stat = await application.CallAsync("stat", Fd(fd), cancel);
        foreach (JsonNode? chunk in stat["chunks"]!.AsArray())
            _chunks.Add((chunk!["address"]!.GetValue<ulong>(), chunk["length"]!.GetValue<ulong>()));
        return fd;
    }

    // A share token stands for the fd that Linux would pass by SCM_RIGHTS.
    private static async Task<uint> ShareAsync(Cast cast, uint fd, ChildProgram importer, CancellationToken cancel)
    {
        string token = (await cast.Application.CallAsync("export", Fd(fd), cancel))["token"]!.GetValue<string>();
        return (await importer.CallAsync("import", new JsonObject { ["token"] = token }, cancel))["fd"]!.GetValue<uint>();
    }

    private async Task<RegisteredBuffer> RegisterAsync(ChildProgram importer, uint fd, uint access, CancellationToken cancel)
    {
        step($"{importer.Role}: register a memory region (attach, map, translation table)");
        JsonNode answer = await importer.CallAsync("reg", new JsonObject { ["fd"] = fd, ["access"] = access }, cancel);
        return new RegisteredBuffer(answer["lkey"]!.GetValue<uint>(), answer["rkey"]!.GetValue<uint>());
    }

    private async Task<uint> HandleAsync(ChildProgram gpu, uint fd, CancellationToken cancel)
    {
        step($"{gpu.Role}: PRIME import (attach, map)");
        JsonNode answer = await gpu.CallAsync("fd-to-handle", Fd(fd), cancel);
        await gpu.CallAsync("close", Fd(fd), cancel);
        return answer["handle"]!.GetValue<uint>();
    }

    private async Task SendAsync(Cast cast, RegisteredBuffer target, CancellationToken cancel)
    {
        step("RDMA sender: decode the picture into a buffer of its own, register it");
        var load = new JsonObject { ["heap"] = options.Heap };
        if (options.Input is not null)
            load["path"] = Path.GetFullPath(options.Input);
        else
            (load["width"], load["height"]) = (options.Size.Width, options.Size.Height);
        uint source = (await cast.Sender.CallAsync("load-picture", load, cancel))["fd"]!.GetValue<uint>();
        RegisteredBuffer registered = await RegisterAsync(cast.Sender, source, 0, cancel);
        var endpoint = new JsonObject { ["path"] = Path.Combine(directory, "rdma.sock") };
        await cast.Receiver.CallAsync("listen", endpoint, cancel);
        uint qp = (await cast.Sender.CallAsync("connect", endpoint.DeepClone().AsObject(), cancel))["qp"]!.GetValue<uint>();
        step($"RDMA sender: WRITE {_input.Layout.Bytes} bytes to the application's buffer, rkey 0x{target.Rkey:x}");
        JsonNode done = await cast.Sender.CallAsync(
            "write",
            new JsonObject
            {
                ["qp"] = qp,
                ["lkey"] = registered.Lkey,
                ["local"] = 0,
                ["rkey"] = target.Rkey,
                ["remote"] = 0,
                ["length"] = _input.Layout.Bytes,
            },
            cancel);
        if (done["status"]!.GetValue<int>() != 0)
            throw new CocoException($"The RDMA WRITE completed with {done["name"]}.");
    }

    private async Task ConvolveAsync(ChildProgram gpu, (uint Source, uint Destination) handles, CancellationToken cancel)
    {
        step("DRM importer: convolve with 0 -1 0 / -1 5 -1 / 0 -1 0, wait for the fence");
        JsonNode job = await gpu.CallAsync(
            "convolve",
            new JsonObject
            {
                ["src"] = handles.Source,
                ["dst"] = handles.Destination,
                ["width"] = _input.Layout.Width,
                ["height"] = _input.Layout.Height,
            },
            cancel);
        JsonNode fence = await gpu.CallAsync("wait", new JsonObject { ["seqno"] = job["seqno"]!.GetValue<ulong>() }, cancel);
        if (!fence["ok"]!.GetValue<bool>())
            throw new CocoException($"The GPU's job failed: {fence["error"]!["message"]}");
    }

    private async Task SyncAsync(ChildProgram application, uint fd, uint flags, CancellationToken cancel)
    {
        if (!options.Sync)
            return;
        JsonNode moved = await application.CallAsync("sync", new JsonObject { ["fd"] = fd, ["flags"] = flags }, cancel);
        string words = (flags & 4) == 0 ? "START" : "END";
        (JsonNode? back, JsonNode? forth) = (moved["bytesToBuffer"], moved["bytesToDevice"]);
        step($"application: SYNC {words} of fd {fd}: {back} bytes to the buffer, {forth} to the devices");
    }

    private async Task<string> SaveAsync(ChildProgram application, uint fd, string? path, CancellationToken cancel)
    {
        var request = new JsonObject { ["fd"] = fd, ["width"] = _input.Layout.Width, ["height"] = _input.Layout.Height };
        if (path is not null)
            request["path"] = Path.GetFullPath(path);
        return (await application.CallAsync("save-picture", request, cancel))["digest"]!.GetValue<string>();
    }

    private DemoOutcome Classify(string digest)
    {
        foreach (DemoOutcome outcome in new[] { DemoOutcome.Picture, DemoOutcome.Untouched, DemoOutcome.SharpenedZeros })
        {
            if (digest == ApplicationControl.Digest(Expected(outcome)))
                return outcome;
        }

        return DemoOutcome.Unexpected;
    }

    private Picture Expected(DemoOutcome outcome)
    {
        var result = new Picture(_input.Layout);
        byte[] source = outcome == DemoOutcome.Picture ? _input.Pixels : new byte[_input.Layout.Bytes];
        if (outcome != DemoOutcome.Untouched)
            Convolution.Sharpen(source, result.Pixels, _input.Layout);
        return result;
    }

    private async Task MeasureAsync(Cast cast, CancellationToken cancel)
    {
        _report.During = await InfoAsync(cancel);
        _report.StatesBefore = _statesBefore!.Summarize(_chunks);
        _report.StatesDuring = (await PageStates.TakeAsync(connection, _guest, cancel)).Summarize(_chunks);
        foreach (ChildProgram child in cast.All)
            _report.Processes.Add(ProcessRow.From(child, await child.CallAsync("stats", [], cancel)));
    }

    private void CheckCopies()
    {
        CopyCounters copies = _report.Copies!;
        if (options.Mediated || _report.During!.Swiotlb.BouncedMappings != 0)
            return;
        ulong copied = copies.LoadBytes + copies.StoreBytes + copies.DmaReadBytes + copies.DmaWriteBytes + copies.BounceBytes;
        _report.Checks.Add(("The server copied no byte of the picture.", copied == 0));
    }

    private async Task TearDownAsync(
        Cast cast,
        RegisteredBuffer target,
        (uint Source, uint Destination) handles,
        uint pictureFd,
        uint resultFd,
        CancellationToken cancel)
    {
        step("release everything");
        await cast.Gpu.CallAsync("gem-close", new JsonObject { ["handle"] = handles.Destination }, cancel);
        if (_report.Prediction.Outcome == DemoOutcome.Untouched)
        {
            DemoOutcome late = Classify(await SaveAsync(cast.Application, resultFd, null, cancel));
            _report.Checks.Add((
                "Unmapping copies the GPU's slots back (S-SYS-62): now the application reads what the GPU wrote, sharpened zeros.",
                late == DemoOutcome.SharpenedZeros));
        }

        await cast.Gpu.CallAsync("gem-close", new JsonObject { ["handle"] = handles.Source }, cancel);
        await cast.Receiver.CallAsync("dereg", new JsonObject { ["lkey"] = target.Lkey }, cancel);
        await cast.Application.CallAsync("close", Fd(pictureFd), cancel);
        await cast.Application.CallAsync("close", Fd(resultFd), cancel);
        await cast.Receiver.DisposeAsync();
        await cast.Sender.DisposeAsync();
        _report.After = await InfoAsync(cancel);
        _report.StatesAfter = (await PageStates.TakeAsync(connection, _guest, cancel)).Summarize(_chunks);
        _report.Checks.Add((
            "After the release as much memory is shared as before.",
            _report.After.Memory.SharedBytes == _report.Before!.Memory.SharedBytes));
    }

    private async Task ShowPrivatePageAsync(ChildProgram application, CancellationToken cancel)
    {
        const int Shown = 64;
        step("application: write a private page; read it as the guest and as the host");
        var request = new JsonObject { ["heap"] = "system", ["len"] = 4096 };
        uint fd = (await application.CallAsync("alloc", request, cancel))["fd"]!.GetValue<uint>();
        byte[] text = Encoding.ASCII.GetBytes("This page is private: the guest reads it, the host must not....!");
        await application.CallAsync("store", new JsonObject { ["fd"] = fd, ["data"] = Convert.ToBase64String(text) }, cancel);
        JsonNode seen = await application.CallAsync("load", new JsonObject { ["fd"] = fd, ["length"] = Shown }, cancel);
        JsonNode stat = await application.CallAsync("stat", Fd(fd), cancel);
        ulong address = stat["chunks"]![0]!["address"]!.GetValue<ulong>();
        ReadHostMemoryResponse host = await connection.Hypervisor.ReadHostMemoryAsync(
            new ReadHostMemoryRequest { Guest = _guest, Address = address, Length = Shown }, cancellationToken: cancel);
        _report.Page = new PrivatePage(address, Convert.FromBase64String(seen["data"]!.GetValue<string>()), host.Data.ToByteArray());
        string[] expected = PrivatePage.Expected[options.Platform];
        _report.Checks.Add((
            $"The host sees {string.Join(" or ", expected)} of a private page (S-PLAT-10 to 12).",
            expected.Contains(_report.Page.HostSees)));
        await application.CallAsync("close", Fd(fd), cancel);
    }

    private async Task<GuestInfo> InfoAsync(CancellationToken cancel) =>
        (await connection.Host.GetGuestAsync(new GetGuestRequest { Guest = _guest }, cancellationToken: cancel)).Guest;

    private async Task DestroyGuestAsync()
    {
        try
        {
            await connection.Host.DestroyGuestAsync(new DestroyGuestRequest { Guest = _guest });
        }
        catch (CocoException)
        {
            // The server is gone, or refuses; the error that ended the run says more than this one could.
        }
    }

    private static JsonObject Fd(uint fd) => new() { ["fd"] = fd };

    private readonly record struct RegisteredBuffer(uint Lkey, uint Rkey);

    private sealed record Cast(ChildProgram Application, ChildProgram Sender, ChildProgram Receiver, ChildProgram Gpu)
    {
        public IEnumerable<ChildProgram> All => [Application, Sender, Receiver, Gpu];
    }
}
