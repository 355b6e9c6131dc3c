using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine.Files;

/// <summary>
/// An open file of the guest: what the kernel calls a file and POSIX an open file description.
/// Models: identity, access mode, status flags, position, and the references that keep it alive: fds of any process (also by dup and fork),
/// mappings, importers, and fds in flight in SCM_RIGHTS messages (S-BUF-90). The last reference releases it.
/// What a kind of file can do is the kind's: it overrides what its driver has in its <c>file_operations</c>.
/// </summary>
internal abstract class GuestFile
{
    private const PollEvents AlwaysReady = PollEvents.In | PollEvents.Out | PollEvents.ReadNormal | PollEvents.WriteNormal;
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
    public NativeFile? Native { get; set; }

    /// <summary>
    /// References as the guest's kernel counts them. Those of native processes are their mirrors',
    /// which may lag behind: what lives has one.
    /// </summary>
    public int VisibleReferences => Native is null ? References : Math.Max(References - 1, 1);

    /// <summary>What the file is, for sentences: <c>dma-buf</c>, <c>sync_file</c>, <c>dma_heap device</c> …</summary>
    public abstract string Kind { get; }

    /// <summary>The kind, for code that treats some kinds in its own way.</summary>
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

    /// <summary>ioctl, after the commands that the VFS serves: ENOTTY for a kind of file that has none.</summary>
    public virtual Result<IoctlOutcome> Ioctl(IoctlCall call) => NotACommand(call.Command);

    /// <summary>Whether a command may make an fd, whatever its argument.</summary>
    public virtual bool MakesFd(uint command) => false;

    /// <summary>Where a command's argument has the number of another fd, in bytes from its start; null: nowhere.</summary>
    public virtual uint? FdArgumentOf(uint command) => null;

    /// <summary>lseek: ESPIPE for a kind of file that has no position.</summary>
    /// <param name="offset">Bytes.</param>
    /// <param name="whence">SEEK_*.</param>
    public virtual Result<long> Seek(long offset, int whence) => Refused(Errno.ESPIPE, "lseek");

    /// <summary>poll: what is ready of what is asked for. Files that have no poll of their own are always ready.</summary>
    public virtual PollEvents Poll(PollEvents wanted) => wanted & AlwaysReady;

    /// <summary>What the calls answer that reach no data of the file's.</summary>
    public virtual FileCalls Calls => FileCalls.PseudoFile;

    /// <summary>The file system that its inode is on.</summary>
    public virtual FileSystem FileSystem => FileSystem.Anonymous;

    /// <summary>The name of a mapping of the file, as smaps shows it.</summary>
    public virtual string MappingName => Kind;

    /// <summary>Whether kernels refuse to map it executable (S-REC-51).</summary>
    public virtual bool RefusesExecution(KernelProfile kernel) => false;

    /// <summary>ENOTTY, with the command and the kind of file in its sentence.</summary>
    protected Failure NotACommand(uint command) =>
        new(Errno.ENOTTY, "ioctl", "check command", $"0x{command:x8} is no command of a {Kind} (S-BUF-76, 87).", "command");

    /// <summary>What this kind of file answers to a call, in a sentence.</summary>
    internal Failure Refused(Errno errno, string operation) =>
        new(errno, operation, "check file", $"A {Kind} opened as {Access} answers {operation} with {errno}.", "fd");

    /// <summary>The last reference is gone. Called once, under the guest's lock.</summary>
    public virtual void Released()
    {
    }
}
