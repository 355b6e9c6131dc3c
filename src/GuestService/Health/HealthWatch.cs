using System.Threading.Channels;
using static Grpc.Health.V1.HealthCheckResponse.Types;

namespace CocoGuest.Service.Health;

/// <summary>One watcher's view of a service's status: the present one at once, then the newest after each change.</summary>
/// <param name="updates">Ends when the server stops.</param>
/// <param name="unwatch">Takes the watcher off its service.</param>
internal sealed class HealthWatch(ChannelReader<ServingStatus> updates, Action unwatch) : IDisposable
{
    /// <summary>The updates. A status may come twice if it changed forth and back between two reads.</summary>
    internal ChannelReader<ServingStatus> Updates { get; } = updates;

    /// <summary>Ends the watch.</summary>
    public void Dispose() => unwatch();
}
