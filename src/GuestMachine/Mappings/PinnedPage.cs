namespace CocoGuest.Machine.Mappings;

/// <summary>One page that a driver pinned: of a process' own memory, or of shared memory. It stays until the pin goes (S-PIN-06).</summary>
/// <param name="Frame">Its frame.</param>
/// <param name="Own">The page of a process' own; null for shared memory.</param>
/// <param name="File">The shared memory.</param>
/// <param name="Block">The block of it.</param>
internal readonly record struct PinnedPage(ulong Frame, OwnPage? Own, ShmemFile? File, ShmemPage? Block)
{
    /// <summary>Takes the pin.</summary>
    public void Hold()
    {
        if (Own is not null)
        {
            Own.Pins++;
        }
        else
        {
            Block!.References++;
        }
    }
}
