using CocoGuest.Client;

namespace CocoGuest.RdmaImporter.Keys;

/// <summary>
/// What access bits a registration may ask for. Models: S-RDMA-02 to 04 for a device without on-demand paging and without flush.
/// Does not model: memory windows.
/// </summary>
internal static class AccessRules
{
    /// <summary>Bits that REG_DMABUF_MR allows (S-RDMA-03); everything else is EINVAL before the access check.</summary>
    public const AccessFlags DmabufAllowed =
        AccessFlags.LocalWrite | AccessFlags.RemoteWrite | AccessFlags.RemoteRead | AccessFlags.RemoteAtomic | AccessFlags.RelaxedOrdering;

    /// <summary>The optional range 20 to 29 (S-RDMA-02): ignored where not supported.</summary>
    private const uint OptionalRange = 0x3ff00000;

    private const AccessFlags Remote = AccessFlags.RemoteWrite | AccessFlags.RemoteRead | AccessFlags.RemoteAtomic;

    private const AccessFlags Known = DmabufAllowed | AccessFlags.MwBind | AccessFlags.ZeroBased | AccessFlags.OnDemand
        | AccessFlags.HugeTlb | AccessFlags.FlushGlobal | AccessFlags.FlushPersistent;

    // S-RDMA-04, in order; the first row that holds decides.
    private static readonly (Func<AccessFlags, bool> Holds, int Errno, string Name, string Sentence)[] Rows =
    [
        (f => Has(f, AccessFlags.RemoteWrite | AccessFlags.RemoteAtomic) && !Has(f, AccessFlags.LocalWrite),
            22, "EINVAL", "REMOTE_WRITE and REMOTE_ATOMIC need LOCAL_WRITE"),
        (f => ((uint)f & ~OptionalRange & ~(uint)Known) != 0, 22, "EINVAL", "the access flags have unknown bits"),
        (f => Has(f, AccessFlags.OnDemand), 95, "EOPNOTSUPP", "the device has no on-demand paging"),
        (f => Has(f, AccessFlags.FlushGlobal | AccessFlags.FlushPersistent), 95, "EOPNOTSUPP", "the device has no flush"),
    ];

    /// <summary>The access check of S-RDMA-04: null, or the error.</summary>
    public static CocoException? Check(AccessFlags access)
    {
        foreach ((Func<AccessFlags, bool>? holds, int errno, string? name, string? sentence) in Rows)
        {
            if (holds(access))
                return Refuse(errno, name, access, sentence);
        }

        return null;
    }

    /// <summary>The checks of REG_DMABUF_MR on its flags: S-RDMA-03, then S-RDMA-04. Null, or the error.</summary>
    public static CocoException? CheckDmabuf(AccessFlags access) => (access & ~DmabufAllowed) != 0
        ? Refuse(22, "EINVAL", access, "REG_DMABUF_MR allows LOCAL_WRITE, REMOTE_WRITE, REMOTE_READ, REMOTE_ATOMIC, RELAXED_ORDERING only")
        : Check(access);

    /// <summary>True when a peer may use a region at all; only then has it an rkey (S-RDMA-30).</summary>
    public static bool AllowsRemote(AccessFlags access) => (access & Remote) != 0;

    private static bool Has(AccessFlags access, AccessFlags any) => (access & any) != 0;

    private static CocoException Refuse(int errno, string name, AccessFlags access, string sentence) =>
        new(errno, name, "ib_uverbs_reg_dmabuf_mr", "access flags", $"Access flags 0x{(uint)access:x}: {sentence}.") { Field = "access" };
}
