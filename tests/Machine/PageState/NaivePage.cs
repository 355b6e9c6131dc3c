using CocoGuest.Machine.PageState;

namespace CocoGuest.Tests.Machine.PageState;

/// <summary>One page of <see cref="NaiveGuest"/>: an object per page and a field per fact.</summary>
internal sealed class NaivePage
{
    public bool PteShared { get; set; }

    public bool HostShared { get; set; }

    public bool Validated { get; set; } = true;

    public bool HostEntryIs4K { get; set; }

    public MappingSize DirectMap { get; set; }

    public bool PteInvalid { get; set; }

    public bool Told { get; set; }

    public bool ToldShared { get; set; }
}
