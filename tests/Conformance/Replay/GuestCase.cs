using System.Buffers;
using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Mappings;
using CocoGuest.Machine.PageState;

namespace CocoGuest.Tests.Replay;

/// <summary>
/// What a case holds in the guest: its process with the fds and mappings that records call by names. Its end closes everything.
/// </summary>
internal sealed class GuestCase : IDisposable
{
    /// <summary>What records call an open heap node.</summary>
    public const string HeapFile = "h";

    private const int MostBytesPerCall = 1 << 20;
    private readonly string? _heap;
    private readonly ulong _firstEvent;
    private readonly Dictionary<string, int> _fds = new(StringComparer.Ordinal);
    private readonly List<string> _buffers = [];
    private readonly HashSet<string> _named = new(StringComparer.Ordinal);

    private GuestCase(GuestWorld world, string? heap, bool traced)
    {
        _heap = heap;
        World = world;
        if (traced)
        {
            Must(Guest.Trace.Set("dma:*", on: true));
            Must(Guest.Trace.Set("swiotlb:*", on: true));
        }

        _firstEvent = Guest.Trace.Last() + 1;
        Process = world.Guest.Processes.Open("probe").Value;
        Guest.ClaimsEncryption = true;
        CountersAtStart = Guest.Pages.Counters;
        ProtectionsAtStart = Guest.Mappings.DecryptedProtections;
    }

    public GuestWorld World { get; }

    public Guest Guest => World.Guest;

    public GuestProcess Process { get; }

    /// <summary>Conversions when the case began.</summary>
    public ConversionCounters CountersAtStart { get; private set; }

    /// <summary>Shared-memory protections when the case began.</summary>
    public ulong ProtectionsAtStart { get; }

    /// <summary>The mapping that records call <c>m</c>: address and length.</summary>
    public (ulong Address, ulong Length)? Mapping { get; set; }

    /// <summary>A CPU wrote in this case.</summary>
    public bool Stored { get; private set; }

    /// <summary>Where in the file that mapping begins.</summary>
    public ulong MappingOffset { get; set; }

    /// <summary>Name of the last buffer that was allocated.</summary>
    public string? LastBuffer => _buffers.LastOrDefault();

    /// <summary>Names of all buffers, in the order in which they were made.</summary>
    public IReadOnlyList<string> Buffers => _buffers;

    /// <summary>The state of a case, made when first asked for.</summary>
    public static GuestCase Of(ReplayCase c) =>
        c.StateOf(() => new GuestCase(c.World.Guest, c.Input("heap"), traced: c.Has("trace_line", "trace_lines")));

    /// <summary>Gives an fd the name that the record has for it.</summary>
    public void Name(string name, int fd)
    {
        _fds[name] = fd;
        _named.Add(name);
        _buffers.Add(name);
    }

    /// <summary>Gives the name to an fd that is no buffer's.</summary>
    public void NameFile(string name, int fd) => _fds[name] = fd;

    /// <summary>The fd behind a name; −1 for a name that nothing has (a bad fd).</summary>
    /// <remarks>
    /// A case that never calls a fd <c>a</c> means its only buffer by that; <c>h</c> is a heap's node, which cases open without a step.
    /// </remarks>
    public int Fd(string name) =>
        _fds.TryGetValue(name, out int fd) ? fd
        : name == HeapFile ? OpenHeap()
        : name == "a" && LastBuffer is not null && !_named.Contains(name) ? _fds.GetValueOrDefault(LastBuffer, -1)
        : -1;

    public void Forget(string name) => _fds.Remove(name);

    /// <summary>The buffer behind a name.</summary>
    public DmaBuf Buffer(string name) => (DmaBuf)Process.Fds.Find(Fd(name))!;

    /// <summary>The user mapping that a case has without a step of its own: the whole of its last buffer, shared.</summary>
    public ulong UserMapping()
    {
        if (Mapping is null)
        {
            MmapResult map = Guest.Mappings.Mmap(
                Process, Fd(LastBuffer!), 0, null, MapProtection.Read | MapProtection.Write, MapFlags.Shared).Value;
            Mapping = (map.Address, map.Length);
        }

        return Mapping.Value.Address;
    }

    /// <summary>What was converted until now was of a turn that does not count.</summary>
    public void CountFromHere() => CountersAtStart = Guest.Pages.Counters;

    public byte[] Load(ulong address, ulong length)
    {
        byte[] bytes = new byte[length];
        for (int at = 0; at < bytes.Length; at += MostBytesPerCall)
        {
            Must(Guest.Mappings.Load(Process, address + (ulong)at, bytes.AsSpan(at, Math.Min(MostBytesPerCall, bytes.Length - at))));
        }

        return bytes;
    }

    public void Store(ulong address, ReadOnlySpan<byte> bytes)
    {
        Stored = true;
        for (int at = 0; at < bytes.Length; at += MostBytesPerCall)
        {
            Must(Guest.Mappings.Store(Process, address + (ulong)at, bytes.Slice(at, Math.Min(MostBytesPerCall, bytes.Length - at))));
        }
    }

    public void Fill(ulong address, ulong length, byte value)
    {
        byte[] piece = ArrayPool<byte>.Shared.Rent((int)Math.Min(length, MostBytesPerCall));
        piece.AsSpan().Fill(value);
        for (ulong at = 0; at < length; at += (ulong)piece.Length)
        {
            Store(address + at, piece.AsSpan(0, (int)Math.Min((ulong)piece.Length, length - at)));
        }

        ArrayPool<byte>.Shared.Return(piece);
    }

    /// <summary>Whether a range reads zero.</summary>
    public bool IsZero(ulong address, ulong length)
    {
        byte[] piece = ArrayPool<byte>.Shared.Rent((int)Math.Min(length, MostBytesPerCall));
        bool zero = true;
        for (ulong at = 0; zero && at < length; at += (ulong)piece.Length)
        {
            Span<byte> part = piece.AsSpan(0, (int)Math.Min((ulong)piece.Length, length - at));
            Must(Guest.Mappings.Load(Process, address + at, part));
            zero = !part.ContainsAnyExcept((byte)0);
        }

        ArrayPool<byte>.Shared.Return(piece);
        return zero;
    }

    /// <summary>Trace lines of the case so far, without the file's columns.</summary>
    public IReadOnlyList<string> TakeTrace() =>
        [.. Guest.Trace.Read(_firstEvent, int.MaxValue, out _).Select(e => $"{e.Name}: {e.Text}")];

    /// <summary>Closes all fds and mappings of the process.</summary>
    public void CloseEverything()
    {
        foreach (Vma vma in Process.Addresses.Ascending().ToArray())
        {
            Must(Guest.Mappings.Munmap(Process, vma.Start));
        }

        Mapping = null;
        CloseFds();
    }

    /// <summary>Unmaps the mapping.</summary>
    public void Unmap()
    {
        if (Mapping is { } map)
        {
            Must(Guest.Mappings.Munmap(Process, map.Address));
            Mapping = null;
        }
    }

    /// <summary>Closes all fds of the process.</summary>
    public void CloseFds()
    {
        foreach (int fd in Process.Fds.OpenFds().ToArray())
        {
            Must(Guest.Files.Close(Process, fd));
        }

        _fds.Clear();
    }

    public void Dispose()
    {
        Must(Guest.Trace.Set("*", on: false));
        Guest.Faults.ClearAll();
        Must(Guest.Processes.End(Process));
    }

    // The heap that other steps name; what cases ask of a node opened without a step is the same for all.
    private int OpenHeap()
    {
        int fd = Guest.Tree.Open(Process, $"/dev/dma_heap/{_heap ?? "system"}", OpenFlags.ReadWrite).Value;
        NameFile(HeapFile, fd);
        return fd;
    }

    private static void Must(Failure? failure)
    {
        if (failure is not null)
        {
            throw new InvalidOperationException(failure.Sentence);
        }
    }
}
