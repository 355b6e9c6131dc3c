namespace CocoGuest.Machine.PageState;

/// <summary>Who made pages change.</summary>
public enum PageStateCause
{
    /// <summary>The guest's kernel by itself: a heap, the swiotlb pool.</summary>
    Kernel = 0,
    /// <summary>A conversion that somebody asked for by address or fd.</summary>
    Request = 1,
    /// <summary>The host, unasked.</summary>
    Host = 2,
}
