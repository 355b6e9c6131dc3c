namespace CocoGuest.Supervisor.Target;

/// <summary>
/// Whether a thread may enter a folder, as the mode bits and its capabilities say. Does not model: access lists and
/// security modules; a capability counts only in the supervisor's user namespace.
/// </summary>
internal sealed class CallerRights(int tid)
{
    private const uint Execute = 1;
    private const uint ByAll = 0x49;
    private readonly Lazy<Credentials?> _credentials = new(() => ProcFolder.CredentialsOf(tid));

    /// <summary>True if the thread may look up names in a folder.</summary>
    public bool MayEnter(HostEntry entry)
    {
        if ((entry.Mode & ByAll) == ByAll)
        {
            return true;
        }

        if (_credentials.Value is not { } caller)
        {
            return false;
        }

        uint bits = caller.Uid == entry.Uid ? entry.Mode >> 6 : caller.Groups.Contains(entry.Gid) ? entry.Mode >> 3 : entry.Mode;
        return (bits & Execute) != 0 || (caller.PassesPermissions && entry.IsFolder);
    }
}
