using System.Runtime.InteropServices;

namespace CocoGuest.Service.Interop;

/// <summary>The user that this process runs as.</summary>
internal static partial class UnixUser
{
    /// <summary>Effective uid of the server.</summary>
    public static uint EffectiveId { get; } = GetEffectiveUid();

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint GetEffectiveUid();
}
