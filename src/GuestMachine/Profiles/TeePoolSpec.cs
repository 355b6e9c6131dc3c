namespace CocoGuest.Machine.Profiles;

/// <summary>A static pool that a TEE driver registers at boot (S-TEE-06).</summary>
/// <param name="Use">What it is for.</param>
/// <param name="Bytes">Its length: whole pages, else EINVAL.</param>
public sealed record TeePoolSpec(TeeUse Use, ulong Bytes)
{
    private static readonly string[] Names = ["protected,secure-video", "protected,trusted-ui", "protected,secure-video-record"];

    /// <summary>Name of the heap for a use; null for an unknown one.</summary>
    public static string? NameOf(TeeUse use) => (uint)use < (uint)Names.Length ? Names[(int)use] : null;
}
