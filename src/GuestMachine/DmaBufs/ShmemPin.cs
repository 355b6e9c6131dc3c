using CocoGuest.Machine.Mappings;

namespace CocoGuest.Machine.DmaBufs;

/// <summary>One page of a memfd of the guest: it lives as long as somebody holds it, whatever becomes of the file.</summary>
internal sealed class ShmemPin(ShmemFile file, ShmemPage page) : IUdmabufPin
{
    /// <summary>The page.</summary>
    public ShmemPage Page { get; } = page;

    /// <inheritdoc/>
    public void Release() => file.Put(Page);
}
