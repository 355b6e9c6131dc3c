using System.Globalization;
using System.Runtime.InteropServices;
using CocoGuest.Linux;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Supervisor.Target;

/// <summary>Which pages of a process are there, as /proc/PID/pagemap says: who touches them waits for nobody.</summary>
internal sealed class PageMap : IDisposable
{
    private const ulong Present = 1UL << 63;
    private const ulong OfFile = 1UL << 61;
    private const ulong WriteWatched = 1UL << 57;
    private const ulong MostPages = 64;
    private readonly SafeFileHandle? _map;

    public PageMap(int tid)
    {
        int fd = Libc.Open(string.Create(CultureInfo.InvariantCulture, $"/proc/{tid}/pagemap"), Libc.ORdonly | Libc.OCloexec);
        _map = fd < 0 ? null : new SafeFileHandle(fd, ownsHandle: true);
    }

    /// <summary>True if nobody has to be waited for. False also where it cannot be said.</summary>
    /// <param name="first">Number of the first page.</param>
    /// <param name="last">Number of the last.</param>
    /// <param name="changed">They are written to, which a file's owner, or a watcher of writes, may have to allow.</param>
    public bool AreThere(ulong first, ulong last, bool changed)
    {
        if (_map is null || last - first >= MostPages)
        {
            return false;
        }

        Span<ulong> entries = stackalloc ulong[(int)(last - first) + 1];
        if (!TryRead(first, MemoryMarshal.AsBytes(entries)))
        {
            return false;
        }

        foreach (ulong entry in entries)
        {
            if ((entry & Present) == 0 || (changed && (entry & (OfFile | WriteWatched)) != 0))
            {
                return false;
            }
        }

        return true;
    }

    public void Dispose() => _map?.Dispose();

    private bool TryRead(ulong first, Span<byte> entries)
    {
        try
        {
            return RandomAccess.Read(_map!, entries, (long)(first * sizeof(ulong))) == entries.Length;
        }
        catch (IOException)
        {
            return false; // the process is gone
        }
    }
}
