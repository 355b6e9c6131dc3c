namespace CocoGuest.Tests.Clients.Supervisor;

/// <summary>What a filter says of a call.</summary>
/// <param name="Action">SECCOMP_RET_*, with its data.</param>
/// <param name="ReadArguments">Whether it looked at more than number and architecture, so that the kernel cannot know the answer
/// beforehand.</param>
internal readonly record struct FilterVerdict(uint Action, bool ReadArguments)
{
    /// <summary>SECCOMP_RET_ALLOW.</summary>
    public const uint Allow = 0x7fff0000;

    /// <summary>SECCOMP_RET_USER_NOTIF.</summary>
    public const uint Notify = 0x7fc00000;

    /// <summary>SECCOMP_RET_ERRNO with EPERM.</summary>
    public const uint NotPermitted = 0x00050001;

    /// <summary>SECCOMP_RET_ERRNO with ENOSYS.</summary>
    public const uint NoSuchCall = 0x00050026;
}
