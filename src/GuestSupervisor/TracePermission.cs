using System.Runtime.InteropServices;

namespace CocoGuest.Supervisor;

/// <summary>Who may trace this process, where the Yama security module asks: by default its ancestors only.</summary>
public static partial class TracePermission
{
    private const int SetTracer = 0x59616d61;

    /// <summary>Any process of the same user may, from now on; without Yama nothing changes.</summary>
    public static void GiveToAny() => _ = ProcessControl(SetTracer, -1, 0, 0, 0);

    [LibraryImport("libc", EntryPoint = "prctl", SetLastError = true)]
    private static partial int ProcessControl(int option, nint second, nint third, nint fourth, nint fifth);
}
