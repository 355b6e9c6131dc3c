namespace CocoGuest.Machine.PageState;

/// <summary>Size of a page-table, RMP or SEPT entry. The numbers are the hypercall's and the accept call's (S-SEV-04, S-TDX-06).</summary>
public enum MappingSize : byte
{
    /// <summary>4 KiB: one frame.</summary>
    Size4K = 0,
    /// <summary>2 MiB: 512 frames.</summary>
    Size2M = 1,
    /// <summary>1 GiB: 262144 frames.</summary>
    Size1G = 2,
}
