namespace CocoGuest.Supervisor.Target;

/// <summary>
/// What a thread may do with a folder, as the mode bits and its capabilities say. Does not model: access lists and
/// security modules; a capability counts only in the supervisor's user namespace.
/// </summary>
internal sealed class CallerRights(int tid)
{
    private const uint Execute = 1;
    private const uint ByAll = 0x49;
    private readonly Lazy<Credentials?> _credentials = new(() => ProcFolder.CredentialsOf(tid));

    /// <summary>True if the thread may look up names in a folder.</summary>
    public bool MayEnter(HostEntry entry) => (entry.Mode & ByAll) == ByAll || May(entry, Execute);

    /// <summary>True if the thread has the rights of access(2)'s mode: 4 read, 2 write, 1 execute.</summary>
    public bool May(HostEntry entry, uint mode)
    {
        if (_credentials.Value is not { } caller)
        {
            return false;
        }

        uint bits = caller.Uid == entry.Uid ? entry.Mode >> 6 : caller.Groups.Contains(entry.Gid) ? entry.Mode >> 3 : entry.Mode;
        return (mode & 7 & ~bits) == 0 || (caller.PassesPermissions && ((mode & Execute) == 0 || entry.IsFolder));
    }
}
