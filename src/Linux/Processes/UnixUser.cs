namespace CocoGuest.Linux.Processes;

/// <summary>The user that this process runs as.</summary>
public static class UnixUser
{
    /// <summary>Real uid: of whoever started the process.</summary>
    public static uint RealId { get; } = Libc.Getuid();

    /// <summary>Effective uid: whose rights the process has.</summary>
    public static uint EffectiveId { get; } = Libc.Geteuid();
}
