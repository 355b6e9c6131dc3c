using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;

namespace CocoGuest.Machine.Mappings;

/// <summary>
/// One mapping in an emulated process. A file mapping holds a reference on the file (S-BUF-34); one of a dma-buf or GEM object maps by
/// page-frame number (S-SYS-48). Pages of its own (anonymous ones, and copies made on write) are the address space's.
/// </summary>
/// <param name="Start">First address, page-aligned.</param>
/// <param name="Length">Bytes, whole pages.</param>
/// <param name="File">The file; null: anonymous private memory.</param>
/// <param name="Offset">Where the mapping begins in the file, in bytes.</param>
/// <param name="Protection">Rights of the mapping.</param>
/// <param name="Private">MAP_PRIVATE: what is stored goes to a copy.</param>
internal sealed record Vma(ulong Start, ulong Length, GuestFile? File, ulong Offset, MapProtection Protection, bool Private)
{
    public ulong End => Start + Length;

    /// <summary>Rights that mprotect may give (VM_MAYREAD, VM_MAYWRITE, VM_MAYEXEC).</summary>
    public MapProtection May { get; init; } = MapProtection.Read | MapProtection.Write | MapProtection.Execute;

    /// <summary>VM_DONTCOPY: a child of fork does not get it (MADV_DONTFORK).</summary>
    public bool NotForked { get; init; }

    /// <summary>VM_WIPEONFORK: a child of fork gets it empty (MADV_WIPEONFORK).</summary>
    public bool WipedOnFork { get; init; }

    /// <summary>VM_DONTDUMP by MADV_DONTDUMP.</summary>
    public bool NotDumped { get; init; }

    /// <summary>The host's file that a native process mapped; null: a mapping of the machine's own making.</summary>
    public Files.NativeFile? Through { get; init; }

    /// <summary>What a mapping by page-frame number shows.</summary>
    public MemoryFile? Buffer => File as MemoryFile;

    /// <summary>The pages of shared anonymous memory.</summary>
    public ShmemFile? Shmem => File as ShmemFile;

    /// <summary>VM_IO and VM_PFNMAP, with VM_DONTEXPAND and VM_DONTDUMP: nothing can pin, grow or dump it (S-PIN-02).</summary>
    public bool ByPageFrame => File is MemoryFile;

    /// <summary>True if stores go to pages of the address space.</summary>
    public bool HasOwnPages => Private || File is null;

    /// <summary>The part of the mapping from one address to another.</summary>
    public Vma Part(ulong from, ulong to) => this with { Start = from, Length = to - from, Offset = Offset + (from - Start) };
}
