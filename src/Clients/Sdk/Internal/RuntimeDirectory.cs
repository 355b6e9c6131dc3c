using System.Globalization;
using CocoGuest.Linux.Processes;

namespace CocoGuest.Client.Internal;

/// <summary>The runtime directory that server and clients agree on (docs/protocol.md).</summary>
internal static class RuntimeDirectory
{
    public static string Default =>
        Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR") is { Length: > 0 } directory
            ? Path.Combine(directory, "cocoguest")
            : string.Create(CultureInfo.InvariantCulture, $"/tmp/cocoguest-{UnixUser.RealId}");
}
