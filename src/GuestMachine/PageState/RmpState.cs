namespace CocoGuest.Machine.PageState;

/// <summary>Names for the states of an RMP entry (S-SNP-08).</summary>
public enum RmpState
{
    /// <summary>Not assigned.</summary>
    Hypervisor = 0,
    /// <summary>Assigned, not validated.</summary>
    GuestInvalid = 1,
    /// <summary>Assigned and validated.</summary>
    GuestValid = 2,
    /// <summary>Assigned and immutable: firmware or VMSA page.</summary>
    Immutable = 3,
}
