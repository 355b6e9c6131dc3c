using CocoGuest.Linux.Memory;
using CocoGuest.Linux.Processes;

namespace CocoGuest.Service.Options;

/// <summary>
/// How many connections the open files of this process (ulimit -n) allow: the defaults of the options. Memory that was handed out has the
/// rest, but for what <see cref="FdReserve"/> keeps back.
/// </summary>
/// <param name="allowed">Open files allowed; the runtime has raised the soft limit to the hard one.</param>
internal sealed class FdPlan(ulong allowed)
{
    /// <summary>What the runtime holds at rest: two fds for each assembly that it has loaded, 190 in all, and some later.</summary>
    private const ulong AtRest = 212;

    /// <summary>The plan for the limit that was found at the start.</summary>
    public static FdPlan Here { get; } = new(FileLimit.Current);

    /// <summary>Most gRPC connections.</summary>
    public int Connections => Part(2, 8, 1024);

    /// <summary>Most connections of the fd broker.</summary>
    public int BrokerConnections => Part(8, 4, 256);

    private int Part(ulong divisor, ulong least, ulong most)
    {
        ulong free = allowed > AtRest + FdReserve.Runtime ? allowed - AtRest - FdReserve.Runtime : 0;
        return (int)Math.Clamp(free / divisor, least, most);
    }
}
