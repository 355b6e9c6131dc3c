using CocoGuest.Machine.Files;
using CocoGuest.Supervisor.Target;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Supervisor.Files;

/// <summary>
/// An emulated open file and the host file that stands for it. Its life is that of the host's open file description: when the last fd,
/// mapping or message in flight is gone, so is this.
/// </summary>
internal sealed class EmulatedFile(FileIdentity identity, NativeFile? machine, Origin origin)
{
    /// <summary>What the host's kernel knows it by.</summary>
    public FileIdentity Identity { get; } = identity;

    /// <summary>The file in the machine; null: a folder.</summary>
    public NativeFile? Machine { get; } = machine;

    /// <summary>The call that made it.</summary>
    public Origin Origin { get; } = origin;

    /// <summary>The folder that it lists, or null.</summary>
    public FolderListing? Folder { get; init; }

    /// <summary>
    /// The host file is a memfd that the program made itself, and the program's own fds on it are none of ours. Ours are told apart by
    /// a flag of the open file (<see cref="HostFile.OursFlag"/>).
    /// </summary>
    public bool IsProgramsOwn { get; init; }

    /// <summary>The host file may have descriptions that are none of the dma-buf's: a DRM object is mapped through its node, too.</summary>
    public bool HasOtherMappings { get; init; }

    /// <summary>False for a buffer that the host cannot show as one file: a udmabuf of several ranges.</summary>
    public bool CanBeMapped { get; init; } = true;

    /// <summary>Descriptions that were made of it and live: a buffer that came in twice has two.</summary>
    public int Descriptions { get; set; } = 1;

    /// <summary>Write end of the pipe that stands for a sync file.</summary>
    public SafeFileHandle? Signal { get; init; }

    /// <summary>The process that still had it when it exited: if that was the last one, it was never closed.</summary>
    public LeftOpen? LeftOpen { get; set; }
}
