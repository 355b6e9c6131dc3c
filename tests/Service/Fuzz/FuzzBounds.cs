using System.Globalization;
using CocoGuest.Tests.Service.Hosting;

namespace CocoGuest.Tests.Service.Fuzz;

/// <summary>
/// What a server may keep of the calls that it has answered, once everybody has let go of everything: as many fds as before,
/// and about as much memory.
/// </summary>
internal sealed class FuzzBounds
{
    private readonly long _mostGrowth;
    private readonly int _fds;
    private readonly long _heap;

    /// <summary>Takes the present state as the one to come back to.</summary>
    /// <param name="mostGrowth">Bytes by which the heap may grow.</param>
    public FuzzBounds(long mostGrowth)
    {
        _mostGrowth = mostGrowth;

        // fds first: a collection would close what was forgotten.
        _fds = OpenFds.OfServers();
        _heap = GC.GetTotalMemory(forceFullCollection: true);
    }

    /// <summary>What the last look saw, for people.</summary>
    public string Seen { get; private set; } = "";

    /// <summary>What is kept that should not be; null: nothing.</summary>
    public string? Broken()
    {
        int fds = OpenFds.OfServers() - _fds;
        long grown = GC.GetTotalMemory(forceFullCollection: true) - _heap;
        Seen = string.Create(CultureInfo.InvariantCulture, $"heap {grown:+#;-#;0} bytes, {fds:+#;-#;0} fds");
        return fds != 0 ? $"{fds} fds more are open."
            : grown >= _mostGrowth ? $"The heap grew by {grown} bytes."
            : null;
    }
}
