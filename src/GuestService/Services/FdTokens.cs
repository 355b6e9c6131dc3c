using CocoGuest.Machine.Memory.Store;
using CocoGuest.Service.Broker;
using CocoGuest.Service.Processes;

namespace CocoGuest.Service.Services;

/// <summary>Gives answers their fd token and the broker's path.</summary>
internal sealed class FdTokens(FdTokenTable table, FdBroker broker)
{
    /// <summary>Path of the broker's socket.</summary>
    public string BrokerPath => broker.Path;

    /// <summary>A new token for memory that may leave the server.</summary>
    public string Issue(ProcessSession session, VisibleBacking backing) => table.Issue(session, backing).ToString();
}
