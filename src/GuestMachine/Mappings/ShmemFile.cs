using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.Memory.Store;

namespace CocoGuest.Machine.Mappings;

/// <summary>
/// A file of shared memory: what memfd_create makes, or a file on tmpfs.
/// Models: size, seals, pages that appear when first written or pinned, holes, hugetlb pages of 2 MiB. Does not model: mmap of the file
/// itself, sparse-file seeks, swap.
/// </summary>
internal sealed class ShmemFile : GuestFile
{
    private const int HugeOrder = 9;
    private readonly GuestPages _pages;
    private readonly SortedDictionary<ulong, ShmemPage> _content = [];

    /// <param name="pages">Where pages come from.</param>
    /// <param name="inode">Inode number.</param>
    /// <param name="sealable">MFD_ALLOW_SEALING; otherwise F_SEAL_SEAL is set from the start.</param>
    /// <param name="huge">MFD_HUGETLB with 2 MiB pages.</param>
    public ShmemFile(GuestPages pages, ulong inode, bool sealable, bool huge)
        : base(inode, AccessMode.ReadWrite)
    {
        _pages = pages;
        Order = huge ? HugeOrder : 0;
        Seals = sealable ? FileSeals.None : FileSeals.Seal;
    }

    /// <inheritdoc/>
    public override string Kind => "memfd";

    /// <inheritdoc/>
    public override FileKind Type => FileKind.Memfd;

    /// <summary>Mappings of shared anonymous memory.</summary>
    public override string MappingName => "/dev/zero (deleted)";

    /// <summary>log2 of the pages in a block of the file.</summary>
    public int Order { get; }

    /// <summary>Bytes of a block.</summary>
    public ulong BlockBytes => Page.Size << Order;

    /// <summary>Bytes.</summary>
    public ulong Size { get; private set; }

    public FileSeals Seals { get; set; }

    /// <summary>Somebody else than the file holds a page of it: F_SEAL_WRITE is refused.</summary>
    public bool Pinned => _content.Values.Any(p => p.References > 1);

    /// <summary>The pages that exist, in the order of their blocks.</summary>
    public IReadOnlyCollection<ShmemPage> Content => _content.Values;

    /// <summary>The page of a block, made if it is a hole. Null: no memory.</summary>
    public ShmemPage? Fault(ulong block)
    {
        if (!_content.TryGetValue(block, out ShmemPage? page) && _pages.TryTake(Order, out Memory.Frames.Chunk chunk))
        {
            page = new ShmemPage(chunk);
            _content.Add(block, page);
        }

        return page;
    }

    /// <summary>The page of a block, or null for a hole.</summary>
    public ShmemPage? Find(ulong block) => _content.GetValueOrDefault(block);

    /// <summary>Sets the size; pages behind it go.</summary>
    public void Resize(ulong size)
    {
        Size = size;
        Punch((size + BlockBytes - 1) / BlockBytes, ulong.MaxValue);
    }

    /// <summary>Blocks from one on and before another become holes; pins keep their pages.</summary>
    public void Punch(ulong first, ulong end)
    {
        foreach (ulong block in _content.Keys.Where(b => b >= first && b < end).ToArray())
        {
            _content.Remove(block, out ShmemPage? page);
            Put(page!);
        }
    }

    /// <summary>Drops a reference on a page; the last one frees it.</summary>
    public void Put(ShmemPage page)
    {
        if (--page.References == 0)
        {
            _pages.Free([page.Block]);
        }
    }

    /// <inheritdoc/>
    public override void Released() => Punch(0, ulong.MaxValue);
}
