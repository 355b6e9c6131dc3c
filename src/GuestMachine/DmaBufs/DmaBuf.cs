using System.Globalization;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Fences;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine.DmaBufs;

/// <summary>
/// A dma-buf: the anonymous file that every fd on one buffer refers to.
/// Models: identity, size, name, access mode, reference count, scatter table, attachments newest first (S-BUF-01 to 03, 70, 71, 90 to 92,
/// 100; S-SYS-40), fences (S-RESV), poll callbacks. Does not model: the text of bufinfo.
/// </summary>
/// <remarks>
/// References: one a fd (any process), one a VMA, one an importer (from attach to detach), one a share token in flight, one a copy in
/// flight. The guest's lock guards the count; at zero the exporter's release runs and the frames go back.
/// </remarks>
internal sealed class DmaBuf : MemoryFile, IPollsFences
{
    /// <summary>Bytes that a name and its terminator may have (S-BUF-71).</summary>
    public const int NameLimit = 32;

    private const int SeekSet = 0;
    private const int SeekEnd = 2;
    private byte[]? _name;
    private readonly GuestBuffers _room;
    private BufferPoll? _poll;
    private List<Attachment>? _attachments;

    /// <param name="room">The room that counts it and takes it apart.</param>
    /// <param name="inode">Inode number.</param>
    /// <param name="exporter">Who owns the memory.</param>
    /// <param name="size">Bytes, whole pages.</param>
    /// <param name="chunks">The frames, in the buffer's order.</param>
    /// <param name="access">Access mode of the file.</param>
    /// <param name="shared">The frames were converted to shared.</param>
    /// <param name="segments">The scatter table when it has not one entry a chunk (S-CMA-02).</param>
    public DmaBuf(
        GuestBuffers room, ulong inode, Exporter exporter, ulong size, Chunk[] chunks,
        AccessMode access, bool shared, SgEntry[]? segments = null)
        : base(inode, access, size, chunks, shared)
    {
        _room = room;
        Exporter = exporter;
        Segments = segments ?? Array.ConvertAll(chunks, c => new SgEntry(c.Address, c.Bytes));
    }

    /// <summary>Who made it; its name is <c>exp_name</c> (S-SYS-08).</summary>
    public Exporter Exporter { get; }

    /// <inheritdoc/>
    public override string Kind => "dma-buf";

    /// <inheritdoc/>
    public override MmapStyle Mmap => Exporter.Traits.Mmap;

    /// <summary>The scatter table as the DMA layer takes it: one entry a chunk (S-SYS-06).</summary>
    public SgEntry[] Segments { get; private set; }

    /// <summary>Its reservation object, its own unless the exporter supplies one (S-BUF-04).</summary>
    public Reservation Fences { get; init; } = new();

    /// <summary>Pins, by static mappings and by dynamic importers, of an exporter that can pin (S-BUF-50, 55).</summary>
    public uint Pins { get; set; }

    /// <summary>Kernel mappings (S-BUF-80).</summary>
    public uint Vmaps { get; set; }

    /// <summary>CPU accesses that copy outside the guest's lock.</summary>
    public uint Accesses { get; private set; }

    /// <summary>The move under way, or null.</summary>
    public BufferMove? Move { get; set; }

    /// <summary>Its poll callbacks.</summary>
    public BufferPoll Polls => _poll ??= new BufferPoll(this);

    /// <summary>Poll callbacks that wait.</summary>
    public int PollsQueued => _poll?.Queued ?? 0;

    /// <summary>What the conversions of its pages have cost so far.</summary>
    public ConversionCost ConversionCost { get; set; } = ConversionCost.None;

    /// <summary>Slot of <see cref="MemoryFile.Backing"/> in the chunk map.</summary>
    public int BackingSlot { get; set; }

    /// <summary>Whom its pages are charged to, or null (S-HEAP-53).</summary>
    public MemoryCgroup? ChargedTo { get; init; }

    /// <summary>The next older live buffer of the guest, for <see cref="LiveBuffers"/>.</summary>
    public DmaBuf? Older { get; set; }

    /// <summary>The next newer one.</summary>
    public DmaBuf? Newer { get; set; }

    /// <summary>Name by DMA_BUF_SET_NAME as text, or null when none was ever set.</summary>
    public string? Name => _name is null ? null : System.Text.Encoding.UTF8.GetString(_name);

    /// <summary>The name as the kernel's texts show it: one character a byte.</summary>
    public string? NameAsBytes => _name is null ? null : System.Text.Encoding.Latin1.GetString(_name);

    /// <inheritdoc/>
    public override FileKind Type => FileKind.DmaBuf;

    /// <inheritdoc/>
    public override ulong FileSize => Size;

    /// <summary>S-BUF-02.</summary>
    public override string LinkTarget => $"/dmabuf:{NameAsBytes}";

    /// <summary>
    /// What the kernel adds to <c>/proc/PID/fdinfo/N</c> after the generic lines; who reads it is not counted (S-BUF-105).
    /// </summary>
    public override string FdInfoLines =>
        string.Create(CultureInfo.InvariantCulture, $"size:\t{Size}\ncount:\t{VisibleReferences}\nexp_name:\t{Exporter.Name}\n")
        + (_name is null ? "" : $"name:\t{NameAsBytes}\n");

    /// <summary>Attachments, newest first (S-SYS-40).</summary>
    public IReadOnlyList<Attachment> Attachments => _attachments ?? (IReadOnlyList<Attachment>)[];

    /// <summary>The bytes are in other frames now.</summary>
    public void MoveTo(Chunk[] chunks)
    {
        Chunks = chunks;
        Segments = Array.ConvertAll(chunks, c => new SgEntry(c.Address, c.Bytes));
    }

    public void AddAttachment(Attachment attachment) => (_attachments ??= []).Insert(0, attachment);

    public void RemoveAttachment(Attachment attachment) => _attachments?.Remove(attachment);

    /// <summary>DMA_BUF_SET_NAME: the name and its terminator fit 32 bytes, else EINVAL and the old name stays (S-BUF-71).</summary>
    public Failure? SetName(ReadOnlySpan<byte> name)
    {
        if (name.Length >= NameLimit || name.Contains((byte)0))
        {
            return new Failure(Errno.EINVAL, "DMA_BUF_SET_NAME", "check length",
                $"The name has {name.Length} bytes; at most {NameLimit - 1} without a NUL fit (S-BUF-71).", "name");
        }

        _name = name.ToArray();
        return null;
    }

    /// <inheritdoc/>
    public override FileSystem FileSystem => FileSystem.DmaBufs;

    /// <inheritdoc/>
    public override string MappingName => $"/dmabuf:{Name}";

    /// <inheritdoc/>
    public override bool RefusesExecution(KernelProfile kernel) => !kernel.MapsDmaBufsExecutable;

    /// <inheritdoc/>
    public override bool MakesFd(uint command) => BufferIoctl.MakesFd(command);

    /// <inheritdoc/>
    public override uint? FdArgumentOf(uint command) => BufferIoctl.FdArgumentOf(command);

    /// <inheritdoc/>
    public override Result<IoctlOutcome> Ioctl(IoctlCall call) => new BufferIoctl(_room, this, call).Run() ?? NotACommand(call.Command);

    /// <summary>Size and 0 are all that a dma-buf tells (S-BUF-10).</summary>
    public override Result<long> Seek(long offset, int whence) =>
        offset == 0 && whence == SeekEnd ? (long)Size
        : offset == 0 && whence == SeekSet ? 0
        : new Failure(Errno.EINVAL, "lseek", "check arguments", string.Create(CultureInfo.InvariantCulture,
            $"A dma-buf seeks to its start or end only, not to {offset} with whence {whence} (S-BUF-10)."), "offset");

    /// <inheritdoc/>
    public override PollEvents Poll(PollEvents wanted) => Polls.Ask(wanted);

    /// <inheritdoc/>
    public IEnumerable<Fence> FencesToPoll(PollEvents wanted) => Polls.PendingFor(wanted);

    /// <inheritdoc/>
    public override void AccessBegins() => Accesses++;

    /// <inheritdoc/>
    public override void AccessEnds()
    {
        Accesses--;
        _room.AccessEnded?.Invoke(this);
    }

    /// <inheritdoc/>
    public override void MmapAsked() => _room.Trace.Emit("dma_buf_mmap_internal", this);

    /// <inheritdoc/>
    public override void Released() => _room.Released(this);
}
