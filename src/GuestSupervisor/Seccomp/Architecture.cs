namespace CocoGuest.Supervisor.Seccomp;

/// <summary>AUDIT_ARCH_* of a stopped call: by which of the machine's ways the program called.</summary>
internal static class Architecture
{
    /// <summary>64-bit calls, of 64-bit programs; the only ones that are emulated.</summary>
    public const uint X8664 = 0xc000003e;
}
