using CocoGuest.Machine.Abi;

namespace CocoGuest.Machine.Files;

/// <summary>
/// An open file of the guest: what the kernel calls a file and POSIX an open file description.
/// Models: identity, access mode, status flags, position, and the references that keep it alive: fds of any process (also by dup and fork),
/// mappings, importers, and fds in flight in SCM_RIGHTS messages (S-BUF-90). The last reference releases it.
/// Does not model: what a kind of file can do; each kind is a type of its own, and rooms of the guest hold the calls.
/// </summary>
internal abstract class GuestFile
{
    private InodeAttributes? _attributes;

    /// <param name="inode">Number of its inode, unique in the guest.</param>
    /// <param name="access">Access mode of the open.</param>
    protected GuestFile(ulong inode, AccessMode access)
    {
        Inode = inode;
        Access = access;
    }

    /// <summary>Inode number; a file opened anew on a node has the node's.</summary>
    public ulong Inode { get; }

    /// <summary>Access mode.</summary>
    public AccessMode Access { get; }

    /// <summary>Status flags as F_GETFL shows them, without the access mode (O_NONBLOCK, O_APPEND …).</summary>
    public uint StatusFlags { get; set; }

    /// <summary>f_flags: access mode and status flags.</summary>
    public uint Flags => (uint)Access | StatusFlags;

    /// <summary>The shared file offset, in bytes.</summary>
    public ulong Position { get; set; }

    /// <summary>References from fds, mappings, importers and messages in flight.</summary>
    public int References { get; set; }

    /// <summary>The host's open file that one of the references stands for (<c>GuestNatives</c>), or null.</summary>
    public Files.NativeFile? Native { get; set; }

    /// <summary>
    /// References as the guest's kernel counts them. Those of native processes are their mirrors', which may lag behind: what lives has one.
    /// </summary>
    public int VisibleReferences => Native is null ? References : Math.Max(References - 1, 1);

    /// <summary>What the file is, for sentences: <c>dma-buf</c>, <c>sync_file</c>, <c>dma_heap device</c> …</summary>
    public abstract string Kind { get; }

    /// <summary>Which column of the call tables answers for it.</summary>
    public virtual FileKind Type => FileKind.Other;

    /// <summary>Mode and owner of its inode.</summary>
    public virtual InodeAttributes Attributes => _attributes ??= new InodeAttributes(0);

    /// <summary>Bytes that fstat shows.</summary>
    public virtual ulong FileSize => 0;

    /// <summary>st_rdev of a device node.</summary>
    public virtual uint RawDevice => 0;

    /// <summary>Where <c>/proc/self/fd/N</c> leads, one character a byte (Latin-1): names of dma-bufs are bytes.</summary>
    public virtual string LinkTarget => $"anon_inode:{Kind}";

    /// <summary>Lines that the file adds to fdinfo, one character a byte.</summary>
    public virtual string FdInfoLines => "";

    /// <summary>True if the access mode allows reading.</summary>
    public bool Readable => Access is AccessMode.ReadOnly or AccessMode.ReadWrite;

    /// <summary>True if the access mode allows writing.</summary>
    public bool Writable => Access is AccessMode.WriteOnly or AccessMode.ReadWrite;

    /// <summary>What an mmap of the file at an offset shows: ENODEV for a kind of file that has no mmap.</summary>
    /// <param name="offset">Byte offset of the call, page-aligned.</param>
    /// <param name="length">Bytes of the call, whole pages.</param>
    public virtual Result<MapTarget> FindMapTarget(ulong offset, ulong length) =>
        new Failure(Errno.ENODEV, "mmap", "check file", $"A {Kind} cannot be mapped.", "fd");

    /// <summary>The last reference is gone. Called once, under the guest's lock.</summary>
    public virtual void Released()
    {
    }
}
