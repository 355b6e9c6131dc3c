namespace CocoGuest.Machine.PageState;

/// <summary>The default VMM: does what the guest asks, discards old backings (S-SNP-32 [E]), has no events pending. Stateless.</summary>
public sealed class ObedientHypervisor : IHypervisor
{
    /// <summary>The one instance.</summary>
    public static ObedientHypervisor Instance { get; } = new();

    /// <inheritdoc/>
    public bool MapGpaRangeExits => true;

    /// <inheritdoc/>
    public bool DiscardsOldBacking => true;

    /// <inheritdoc/>
    public bool EventPending => false;

    /// <inheritdoc/>
    public VmmReply Convert(in VmmExit exit) => VmmAnswer.Ok;
}
