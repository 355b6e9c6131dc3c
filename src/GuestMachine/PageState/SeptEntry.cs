namespace CocoGuest.Machine.PageState;

/// <summary>SEPT entry that covers a frame.</summary>
/// <param name="State">State.</param>
/// <param name="Size">4K or 2M.</param>
public readonly record struct SeptEntry(SeptState State, MappingSize Size);
