namespace CocoGuest.Machine.Fences;

/// <summary>
/// The fences of a buffer: a dma_resv.
/// Models: usages and queries (S-RESV-01, 02), slots reserved before fences are added, the replacement rule (S-RESV-03), the lines of
/// <c>bufinfo</c>. Does not model: its lock (the guest's lock stands for it), the growth of the slot table.
/// </summary>
internal sealed class Reservation
{
    // Made with the first fence: most buffers never have one.
    private List<Slot>? _slots;
    private int _reserved;

    /// <summary>A fence was added; under the guest's lock.</summary>
    public event Action? Added;

    /// <summary>Fences in it, signalled ones included.</summary>
    public int Count => _slots?.Count ?? 0;

    /// <summary>What somebody about to write (true) or to read (false) waits for (S-RESV-02).</summary>
    public static FenceUsage UsageFor(bool write) => write ? FenceUsage.Read : FenceUsage.Write;

    /// <summary>Makes room for this many more fences.</summary>
    public void Reserve(int fences) => _reserved = Math.Max(_reserved, Count + fences);

    /// <summary>Adds a fence in a free or reserved place (S-RESV-03). A fence without a place is a mistake of the caller.</summary>
    public void Add(Fence fence, FenceUsage usage)
    {
        _slots ??= [];
        for (int i = 0; i < _slots.Count; i++)
        {
            if (Replaces(fence, usage, _slots[i]))
            {
                _slots[i] = new Slot(fence, usage);
                Added?.Invoke();
                return;
            }
        }

        if (_slots.Count >= _reserved)
        {
            throw new InvalidOperationException("A fence is added without a reserved slot (S-RESV-03).");
        }

        _slots.Add(new Slot(fence, usage));
        Added?.Invoke();
    }

    /// <summary>Fences that a query for a usage sees, in the order of their slots, signalled ones included.</summary>
    public IEnumerable<Fence> Of(FenceUsage usage) => UpTo(usage).Select(s => s.Fence);

    /// <summary>Those of them that have not signalled.</summary>
    public Fence[] PendingOf(FenceUsage usage) => Count == 0 ? [] : [.. Of(usage).Where(f => !f.Signalled)];

    /// <summary>True if all of them have signalled.</summary>
    public bool TestSignalled(FenceUsage usage) => Of(usage).All(f => f.Signalled);

    /// <summary>The fence lines of <c>bufinfo</c>, up to READ, each without its tab (S-BUF-101, 103).</summary>
    public IEnumerable<string> Describe(FenceRules rules) =>
        UpTo(FenceUsage.Read).Select(s => rules.Describe(s.Fence, s.Usage));

    private IEnumerable<Slot> UpTo(FenceUsage usage) => _slots?.Where(s => s.Usage <= usage) ?? [];

    // Adding the very same fence again keeps its one slot: kernels say "later or the same".
    private static bool Replaces(Fence fence, FenceUsage usage, Slot old) =>
        old.Fence.Signalled
        || (old.Fence.Context == fence.Context && old.Usage >= usage
            && (ReferenceEquals(fence, old.Fence) || fence.IsLaterThan(old.Fence)));

    private readonly record struct Slot(Fence Fence, FenceUsage Usage);
}
