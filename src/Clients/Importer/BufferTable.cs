using System.Text.Json.Nodes;
using CocoGuest.Client;
using CocoGuest.Imaging;

namespace CocoGuest.Importer;

/// <summary>The fds of an importer's guest process, with the CPU's mappings of them, and the operations on both.</summary>
/// <param name="process">The importer's process.</param>
public sealed class BufferTable(GuestProcess process) : IAsyncDisposable
{
    private const int MaxAccess = 1 << 20;

    private readonly Dictionary<int, GuestBuffer> _buffers = [];
    private readonly Dictionary<int, MappedMemory> _mappings = [];

    /// <summary>Bytes that the CPU moved by shared memory.</summary>
    public ulong DirectBytes { get; private set; }

    /// <summary>Bytes that the CPU moved by Load and Store.</summary>
    public ulong ServerBytes { get; private set; }

    /// <summary>Adds the operations <c>import</c>, <c>alloc</c>, <c>load-picture</c>, <c>load</c>, <c>store</c> and <c>close</c>.</summary>
    /// <param name="loop">The program's loop.</param>
    public void AddTo(ControlLoop loop)
    {
        loop.On("import", async (request, cancel) => Describe(Add(await process.ImportAsync(request.Text("token"), cancel))));
        loop.On("alloc", async (request, cancel) => Describe(Add(await AllocateAsync(request, cancel))));
        loop.On("load-picture", LoadPictureAsync);
        loop.On("load", LoadAsync);
        loop.On("store", StoreAsync);
        loop.On("close", async (request, _) =>
        {
            await CloseAsync((int)request.Number32("fd", 0));
            return [];
        });
    }

    /// <summary>The buffer of an fd, or null.</summary>
    /// <param name="fd">A number.</param>
    public GuestBuffer? Find(int fd) => _buffers.GetValueOrDefault(fd);

    /// <summary>The buffer of an fd.</summary>
    /// <param name="fd">A number.</param>
    /// <exception cref="CocoException">EBADF.</exception>
    public GuestBuffer Get(int fd) =>
        Find(fd) ?? throw new CocoException(9, "EBADF", "fget", "fd", $"{fd} is no open fd of this importer.") { Field = "fd" };

    /// <summary>Takes a buffer in.</summary>
    /// <param name="buffer">The buffer; the table owns it from now on.</param>
    public GuestBuffer Add(GuestBuffer buffer)
    {
        _buffers.Add(buffer.Fd, buffer);
        return buffer;
    }

    /// <summary>Unmaps the CPU's mapping and closes the fd; devices keep their hold on the buffer.</summary>
    /// <param name="fd">A number.</param>
    public async Task CloseAsync(int fd)
    {
        GuestBuffer buffer = Get(fd);
        _buffers.Remove(fd);
        if (_mappings.Remove(fd, out MappedMemory? mapping))
            await mapping.DisposeAsync();
        await buffer.ReleaseAsync();
    }

    /// <summary>What answers tell of a buffer.</summary>
    /// <param name="buffer">The buffer.</param>
    public static JsonObject Describe(GuestBuffer buffer) => new()
    {
        ["fd"] = buffer.Fd,
        ["size"] = buffer.Size,
        ["ino"] = buffer.Ino,
        ["hostVisible"] = buffer.HostVisible,
    };

    /// <summary>CPU read.</summary>
    /// <param name="fd">The buffer's fd.</param>
    /// <param name="offset">Bytes from its start.</param>
    /// <param name="destination">Where the bytes go.</param>
    /// <param name="cancel">Cancels between chunks.</param>
    public async Task ReadAsync(int fd, ulong offset, Memory<byte> destination, CancellationToken cancel)
    {
        MappedMemory mapping = await MappingAsync(fd, cancel);
        await mapping.ReadAsync(offset, destination, cancel);
        Count(mapping, destination.Length);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (MappedMemory mapping in _mappings.Values)
            await mapping.DisposeAsync();
        foreach (GuestBuffer buffer in _buffers.Values)
            await buffer.DisposeAsync();
    }

    private Task<GuestBuffer> AllocateAsync(ControlRequest request, CancellationToken cancel) =>
        process.AllocateAsync(request.Text("heap"), request.Number("len"), cancel: cancel);

    private async Task<JsonObject> LoadPictureAsync(ControlRequest request, CancellationToken cancel)
    {
        Picture picture = request.TextOrNull("path") is { } path
            ? await PictureFile.ReadAsync(path, cancel)
            : DrawnPicture.Draw(new PictureLayout(request.Pixels("width"), request.Pixels("height")));
        PictureLayout layout = picture.Layout;
        GuestBuffer buffer = Add(await process.AllocateAsync(request.Text("heap"), (ulong)layout.Bytes, cancel: cancel));
        await WriteAsync(buffer.Fd, 0, picture.Pixels, cancel);
        JsonObject answer = Describe(buffer);
        (answer["width"], answer["height"], answer["pitch"], answer["bytes"]) = (layout.Width, layout.Height, layout.Pitch, layout.Bytes);
        return answer;
    }

    private async Task<JsonObject> LoadAsync(ControlRequest request, CancellationToken cancel)
    {
        ulong length = request.Number("length");
        if (length > MaxAccess)
            throw new CocoException(22, "EINVAL", "load", "length", $"At most {MaxAccess} bytes are read at once.") { Field = "length" };
        byte[] bytes = new byte[length];
        await ReadAsync((int)request.Number32("fd", 0), request.NumberOrNull("offset") ?? 0, bytes, cancel);
        return new JsonObject { ["data"] = Convert.ToBase64String(bytes) };
    }

    private async Task<JsonObject> StoreAsync(ControlRequest request, CancellationToken cancel)
    {
        byte[] bytes;
        try
        {
            bytes = Convert.FromBase64String(request.Text("data"));
        }
        catch (FormatException)
        {
            throw new CocoException(22, "EINVAL", "store", "data", "'data' must be base64.") { Field = "data" };
        }

        await WriteAsync((int)request.Number32("fd", 0), request.NumberOrNull("offset") ?? 0, bytes, cancel);
        return [];
    }

    private async Task WriteAsync(int fd, ulong offset, byte[] bytes, CancellationToken cancel)
    {
        MappedMemory mapping = await MappingAsync(fd, cancel);
        await mapping.WriteAsync(offset, bytes, cancel);
        Count(mapping, bytes.Length);
    }

    private void Count(MappedMemory mapping, int bytes)
    {
        if (mapping.IsDirect)
            DirectBytes += (ulong)bytes;
        else
            ServerBytes += (ulong)bytes;
    }

    private async Task<MappedMemory> MappingAsync(int fd, CancellationToken cancel)
    {
        if (!_mappings.TryGetValue(fd, out MappedMemory? mapping))
            _mappings.Add(fd, mapping = await Get(fd).MmapAsync(cancel: cancel));
        return mapping;
    }
}
