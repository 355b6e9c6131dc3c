using CocoGuest.Client;

namespace CocoGuest.DrmImporter.Prime;

/// <summary>
/// One open file of the DRM node: its handles and its PRIME cache.
/// Models: FD_TO_HANDLE (S-GPU-02: a buffer in the cache gives its handle again; else attach, reference, map BIDIRECTIONAL, object, handle,
/// cache; what fails is undone in reverse, detach before the reference as S-BUF-42 wants), errors of map passed on (S-GPU-03),
/// HANDLE_TO_FD of imported objects (S-GPU-01, 04), GEM_CLOSE (S-GPU-08), three references an import (S-GPU-11: object, attachment, cache).
/// Does not model: objects of the device's own, so nothing is ever re-imported from itself.
/// Used by one thread, that of the requests.
/// </summary>
/// <param name="backend">The dma-buf core, for this device.</param>
internal sealed class PrimeFile(IPrimeBackend backend) : IAsyncDisposable
{
    private const uint CloseOnExec = 0x80000;
    private const uint ReadWrite = 2;

    private readonly Dictionary<uint, Entry> _handles = [];
    private readonly Dictionary<ulong, uint> _cache = [];
    private uint _nextHandle = 1;

    /// <summary>FD_TO_HANDLE.</summary>
    /// <returns>The handle, at least 1, and whether the cache had it.</returns>
    public async Task<(uint Handle, bool Cached)> ImportAsync(int fd, CancellationToken cancel)
    {
        ulong ino = backend.Identify(fd);
        if (_cache.TryGetValue(ino, out uint known))
            return (known, true);
        GemObject imported = await ImportObjectAsync(fd, ino, cancel);
        IPrimeReference cacheReference;
        try
        {
            cacheReference = await backend.ReferenceAsync(fd, cancel);
        }
        catch
        {
            await imported.PutAsync();
            throw;
        }

        uint handle = _nextHandle++;
        _handles.Add(handle, new Entry(imported, cacheReference));
        _cache.Add(ino, handle);
        return (handle, false);
    }

    /// <summary>HANDLE_TO_FD: an fd on the original dma-buf.</summary>
    public Task<int> ExportAsync(uint handle, uint flags, CancellationToken cancel)
    {
        if ((flags & ~(CloseOnExec | ReadWrite)) != 0)
            throw new CocoException(22, "EINVAL", "drm_prime_handle_to_fd", "flags", $"Flags 0x{flags:x} hold more than CLOEXEC and RDWR.");
        return Find(handle, "drm_prime_handle_to_fd").Reference.DuplicateAsync(cancel);
    }

    /// <summary>GEM_CLOSE: the handle and its cache entry go; the object lives while a job uses it.</summary>
    public async Task CloseAsync(uint handle)
    {
        if (!_handles.Remove(handle, out Entry entry))
            throw new CocoException(22, "EINVAL", "drm_gem_close", "handle", $"There is no handle {handle}.") { Field = "handle" };
        _cache.Remove(entry.Object.Ino);
        await entry.CacheReference.DisposeAsync();
        await entry.Object.PutAsync();
    }

    /// <summary>The object of a handle.</summary>
    /// <exception cref="CocoException">ENOENT: no such handle.</exception>
    public GemObject Find(uint handle, string operation) => _handles.TryGetValue(handle, out Entry entry)
        ? entry.Object
        : throw new CocoException(2, "ENOENT", operation, "handle", $"There is no handle {handle}.") { Field = "handle" };

    /// <summary>All objects that have a handle.</summary>
    public IEnumerable<GemObject> Objects => _handles.Values.Select(entry => entry.Object);

    public async ValueTask DisposeAsync()
    {
        foreach (uint handle in _handles.Keys.Order().ToArray())
            await CloseAsync(handle);
    }

    private async Task<GemObject> ImportObjectAsync(int fd, ulong ino, CancellationToken cancel)
    {
        IPrimeAttachment attachment = await backend.AttachAsync(fd, cancel);
        IPrimeReference? reference = null;
        try
        {
            reference = await backend.ReferenceAsync(fd, cancel);
            return new GemObject(ino, attachment, reference, await attachment.MapAsync(cancel));
        }
        catch
        {
            await attachment.DisposeAsync();
            if (reference is not null)
                await reference.DisposeAsync();
            throw;
        }
    }

    private readonly record struct Entry(GemObject Object, IPrimeReference CacheReference);
}
