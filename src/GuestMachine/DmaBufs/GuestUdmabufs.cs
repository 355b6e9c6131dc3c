using System.Globalization;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Core;
using CocoGuest.Machine.Devices;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Gate;
using CocoGuest.Machine.Mappings;
using CocoGuest.Machine.Memory.Frames;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Machine.DmaBufs;

/// <summary>
/// /dev/udmabuf: dma-bufs whose pages are those of memfds.
/// Models: both ioctls with their checks in order (S-BUF-111, 116), seals wanted and refused. Does not model: cgroup accounting.
/// </summary>
public sealed class GuestUdmabufs
{
    /// <summary>UDMABUF_CREATE: {u32 memfd; u32 flags; u64 offset; u64 size}.</summary>
    public const uint CreateCommand = 0x40187542;

    /// <summary>UDMABUF_CREATE_LIST: {u32 flags; u32 count} and items {u32 memfd; u32 pad; u64 offset; u64 size}.</summary>
    public const uint CreateListCommand = 0x40087543;

    /// <summary>Most items of a list.</summary>
    public const uint MostItems = 1024;

    private const string Operation = "UDMABUF_CREATE";
    private const uint CloseOnExecBit = 1;

    // The table of pages, one pointer each, is one allocation, which cannot exceed this.
    private const ulong LargestTable = int.MaxValue;
    private const ulong PointerBytes = 8;
    private readonly GuestCore _core;
    private readonly GuestGate _gate;
    private readonly GuestFiles _files;
    private readonly GuestDevices _devices;
    private readonly GuestBuffers _buffers;
    private GuestDevice? _device;

    internal GuestUdmabufs(GuestCore core, GuestFiles files, GuestDevices devices, GuestBuffers buffers)
    {
        _core = core;
        _gate = core.Gate;
        _files = files;
        _devices = devices;
        _buffers = buffers;
    }

    /// <summary>Finds memfds of native processes, which the machine does not know; null: there are none (S-BUF-114).</summary>
    public INativeMemfds? NativeMemfds { get; set; }

    /// <summary>Mode and owner of the node.</summary>
    internal InodeAttributes Attributes { get; } = new(InodeAttributes.CharacterDevice);

    /// <summary>Opens /dev/udmabuf. EMFILE.</summary>
    public Result<int> Open(GuestProcess process)
    {
        using CallScope call = _gate.Enter(process);
        return call.Refused is { } dead
            ? dead
            : GuestFiles.Install(process, new UdmabufNode(this, Attributes, AccessMode.ReadWrite), closeOnExec: false, "open");
    }

    /// <summary>An ioctl of the node from its bytes.</summary>
    /// <param name="process">The caller.</param>
    /// <param name="fd">fd of the node.</param>
    /// <param name="command">Command number.</param>
    /// <param name="argument">What the argument points to; null: nowhere readable.</param>
    /// <returns>The new fd; ENOTTY for another command, EFAULT, and what <see cref="Create"/> says.</returns>
    public Result<BufferHandle> Ioctl(GuestProcess process, int fd, uint command, ReadOnlyMemory<byte>? argument)
    {
        using Lock.Scope held = _gate.Hold();
        Result<UdmabufNode> node = _files.Find<UdmabufNode>(process, fd, Operation, Errno.ENOTTY);
        if (!node.Ok)
        {
            return node.Failure;
        }

        byte[] bytes = argument?.ToArray() ?? [];
        var memory = new ArgumentMemory(ArgumentMemory.DefaultAddress, bytes);
        return new UdmabufIoctl(this, new IoctlCall(process, fd, command, ArgumentMemory.DefaultAddress, memory)).Run();
    }

    /// <summary>The ranges of memfds of the host that a udmabuf shows, in order; none for other buffers. EBADF, EINVAL.</summary>
    public Result<NativePiece[]> PiecesOf(GuestProcess process, int fd)
    {
        using Lock.Scope held = _gate.Hold();
        Result<DmaBuf> buffer = _buffers.Find(process, fd, "pieces_of");
        return !buffer.Ok ? buffer.Failure : buffer.Value.Exporter is Udmabuf maker ? [.. maker.Pieces] : (NativePiece[])[];
    }

    /// <summary>Makes a udmabuf of ranges of memfds.</summary>
    /// <param name="process">The caller.</param>
    /// <param name="flags">Bit 0: close-on-exec. Other bits are ignored.</param>
    /// <param name="items">The ranges, in order.</param>
    /// <returns>
    /// EINVAL for unaligned or empty ranges, more than the limit, missing or forbidden seals, a range behind the file; EBADFD for a fd that
    /// is no memfd; ENOMEM; EMFILE.
    /// </returns>
    public Result<BufferHandle> Create(GuestProcess process, uint flags, IReadOnlyList<UdmabufItem> items)
    {
        using CallScope call = _gate.Enter(process);
        if ((call.Refused ?? CheckSizes(items)) is { } failure)
        {
            return failure;
        }

        if (_core.FaultPoints.Fails(Diagnostics.FaultPoint.Failslab))
        {
            return NoMemory();
        }

        var pins = new List<IUdmabufPin>();
        var chunks = new List<Chunk>();
        foreach (UdmabufItem item in items)
        {
            if (Pin(process, item, pins, chunks) is { } refused)
            {
                Unpin(pins);
                return refused;
            }
        }

        return Export(process, flags, pins, chunks);
    }

    private Failure? CheckSizes(IReadOnlyList<UdmabufItem> items)
    {
        ulong limit = _core.Kernel.UdmabufLimitMiB << (20 - Page.Shift);
        ulong pages = 0;
        foreach (UdmabufItem item in items)
        {
            if (!Page.IsAligned(item.Offset) || !Page.IsAligned(item.Size))
            {
                return Wrong(Page.IsAligned(item.Offset) ? "size" : "offset", string.Create(CultureInfo.InvariantCulture,
                    $"{item.Offset} + {item.Size} are not whole pages."));
            }

            pages += item.Size >> Page.Shift;
            if (pages > limit)
            {
                return Wrong("size", $"{pages} pages are more than the limit of {_core.Kernel.UdmabufLimitMiB} MiB (S-BUF-111).");
            }
        }

        return pages == 0 ? Wrong("size", "A udmabuf needs a page.")
            : pages * PointerBytes > LargestTable ? NoMemory()
            : null;
    }

    private Failure? Pin(GuestProcess process, UdmabufItem item, List<IUdmabufPin> pins, List<Chunk> chunks) =>
        process.Fds.Find(item.Memfd) switch
        {
            ShmemFile file => Check(item, file.Seals, file.Size) ?? PinShmem(file, item, pins, chunks),
            null when NativeMemfds?.Find(process, item.Memfd) is { } memfd =>
                Check(item, memfd.Seals, memfd.Size) ?? PinNative(memfd, item, pins, chunks),
            _ => new Failure(Errno.EBADFD, Operation, "check memfd",
                string.Create(CultureInfo.InvariantCulture, $"fd {item.Memfd} is no memfd."), "memfd"),
        };

    private static Failure? Check(UdmabufItem item, FileSeals seals, ulong size) =>
        !seals.HasFlag(FileSeals.Shrink) || (seals & (FileSeals.Write | FileSeals.FutureWrite)) != 0
            ? Wrong("memfd", $"The memfd must be sealed against shrinking and not against writing; its seals are {seals}.")
        : item.Size == 0 || item.Offset > size || item.Size > size - item.Offset
            ? Wrong("size",
                string.Create(CultureInfo.InvariantCulture, $"{item.Offset} + {item.Size} ends behind the file of {size} bytes."))
        : null;

    private static Failure? PinShmem(ShmemFile file, UdmabufItem item, List<IUdmabufPin> pins, List<Chunk> chunks)
    {
        for (ulong offset = item.Offset; offset < item.Offset + item.Size; offset += Page.Size)
        {
            if (file.Fault(offset / file.BlockBytes) is not { } page)
            {
                return NoMemory();
            }

            page.References++;
            pins.Add(new ShmemPin(file, page));
            chunks.Add(new Chunk(page.Block.Frame + ((offset % file.BlockBytes) >> Page.Shift), 0));
        }

        return null;
    }

    private Failure? PinNative(INativeMemfd memfd, UdmabufItem item, List<IUdmabufPin> pins, List<Chunk> chunks)
    {
        Result<Chunk[]> frames = _core.SinglePages.TakeAll(item.Size >> Page.Shift, Operation);
        if (!frames.Ok)
        {
            return frames.Failure;
        }

        Result<SafeFileHandle> opened = memfd.Open();
        using SafeFileHandle? file = opened.Ok ? opened.Value : null;
        if ((opened.Failure ?? _core.Memory.Cover(frames.Value, file!, item.Offset)) is { } failure)
        {
            _core.SinglePages.Free(frames.Value);
            return failure;
        }

        pins.Add(new NativePin(_core.Memory, _core.SinglePages, frames.Value, new NativePiece(memfd, item.Offset, item.Size)));
        chunks.AddRange(frames.Value);
        return null;
    }

    private Result<BufferHandle> Export(GuestProcess process, uint flags, List<IUdmabufPin> pins, List<Chunk> chunks)
    {
        if (_core.FaultPoints.Fails(Diagnostics.FaultPoint.Failslab))
        {
            Unpin(pins);
            return NoMemory();
        }

        _device ??= _devices.MakeInternal("udmabuf");
        DmaBuf buffer = _buffers.Export(
            new Udmabuf(_device.Dma, _core.Dma, pins), (ulong)chunks.Count << Page.Shift, [.. chunks],
            AccessMode.ReadWrite, segments: null);

        // The maker's reference goes to the fd, or with the buffer.
        buffer.References++;
        Result<int> fd = GuestFiles.Install(process, buffer, (flags & CloseOnExecBit) != 0, Operation);
        GuestFiles.Put(buffer);
        return fd.Ok ? new BufferHandle(fd.Value, buffer.Size, buffer.Inode, HostVisible: false) : fd.Failure;
    }

    private static void Unpin(List<IUdmabufPin> pins)
    {
        foreach (IUdmabufPin pin in pins)
        {
            pin.Release();
        }
    }

    private static Failure Wrong(string field, string sentence) => new(Errno.EINVAL, Operation, $"check {field}", sentence, field);

    private static Failure NoMemory() => new(Errno.ENOMEM, Operation, "allocate", "No memory for the udmabuf or its pages.");
}
