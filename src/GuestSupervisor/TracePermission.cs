using CocoGuest.Linux;

namespace CocoGuest.Supervisor;

/// <summary>Who may trace this process, where the Yama security module asks: by default its ancestors only.</summary>
public static class TracePermission
{
    /// <summary>Any process of the same user may, from now on; without Yama nothing changes.</summary>
    public static void GiveToAny() => _ = Libc.Prctl(Libc.PrSetPtracer, Libc.PrSetPtracerAny, 0, 0, 0);
}
