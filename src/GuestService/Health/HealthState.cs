using System.Threading.Channels;
using static Grpc.Health.V1.HealthCheckResponse.Types;

namespace CocoGuest.Service.Health;

/// <summary>
/// The serving status of each service by its full name; the empty name stands for the server as a whole. Watchers are woken by what they
/// watch and by nothing else: each has a channel of one place that holds the newest status, so a slow watcher costs no memory and skips
/// what is out of date. When the server stops, every status becomes <see cref="ServingStatus.NotServing"/>, watchers are told, and their
/// channels end; after that nothing changes any more.
/// </summary>
internal sealed class HealthState
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Entry> _entries = new(StringComparer.Ordinal);
    private bool _stopped;

    /// <summary>Makes a state in which the server as a whole serves.</summary>
    /// <param name="stopping">Cancelled when the server begins to stop.</param>
    internal HealthState(CancellationToken stopping)
    {
        EntryOf("").Set(ServingStatus.Serving);
        _ = stopping.Register(Stop);
    }

    /// <summary>Sets the status of a service, and so makes the service known. Watchers hear of it if it is a new one.</summary>
    /// <param name="service">The full name of the service; empty for the server.</param>
    /// <param name="status">The status.</param>
    internal void SetStatus(string service, ServingStatus status)
    {
        lock (_lock)
        {
            if (!_stopped)
            {
                EntryOf(service).Set(status);
            }
        }
    }

    /// <summary>The status of a service.</summary>
    /// <param name="service">The full name of the service; empty for the server.</param>
    /// <returns>The status, or null if the service is not known.</returns>
    internal ServingStatus? GetStatus(string service)
    {
        lock (_lock)
        {
            return _entries.GetValueOrDefault(service)?.Status;
        }
    }

    /// <summary>Watches a service, known or not; an unknown one has the status <see cref="ServingStatus.ServiceUnknown"/>.</summary>
    /// <param name="service">The full name of the service; empty for the server.</param>
    /// <returns>The watch, whose first update is there already. Dispose it to end it.</returns>
    internal HealthWatch Watch(string service)
    {
        var channel = Channel.CreateBounded<ServingStatus>(
            new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });
        lock (_lock)
        {
            Entry entry = EntryOf(service);
            _ = channel.Writer.TryWrite(entry.Status ?? ServingStatus.ServiceUnknown);
            if (_stopped)
            {
                channel.Writer.Complete();
            }

            entry.Watchers.Add(channel.Writer);
        }

        return new HealthWatch(channel.Reader, () => Unwatch(service, channel.Writer));
    }

    /// <summary>How many names are kept, known or watched; for tests.</summary>
    internal int Count
    {
        get
        {
            lock (_lock)
            {
                return _entries.Count;
            }
        }
    }

    private void Unwatch(string service, ChannelWriter<ServingStatus> watcher)
    {
        lock (_lock)
        {
            Entry entry = _entries[service];
            _ = entry.Watchers.Remove(watcher);

            // The name came from a client: without a status of its own it goes with its last watcher.
            if (entry is { Status: null, Watchers.Count: 0 })
            {
                _ = _entries.Remove(service);
            }
        }
    }

    private void Stop()
    {
        lock (_lock)
        {
            _stopped = true;
            foreach (Entry entry in _entries.Values)
            {
                if (entry.Status is not null)
                {
                    entry.Set(ServingStatus.NotServing);
                }

                entry.Watchers.ForEach(watcher => watcher.TryComplete());
            }
        }
    }

    private Entry EntryOf(string service)
    {
        if (!_entries.TryGetValue(service, out Entry? entry))
        {
            _entries[service] = entry = new Entry();
        }

        return entry;
    }

    private sealed class Entry
    {
        internal ServingStatus? Status { get; private set; }

        internal List<ChannelWriter<ServingStatus>> Watchers { get; } = [];

        internal void Set(ServingStatus status)
        {
            if (Status != status)
            {
                Status = status;
                Watchers.ForEach(watcher => watcher.TryWrite(status));
            }
        }
    }
}
