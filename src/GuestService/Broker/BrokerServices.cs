using CocoGuest.Service.Control;
using CocoGuest.Service.Interop;
using CocoGuest.Service.Processes;

namespace CocoGuest.Service.Broker;

/// <summary>What every connection of the broker shares.</summary>
/// <param name="Tokens">Tokens to redeem.</param>
/// <param name="Board">Who hears of revocations.</param>
/// <param name="Mappings">Counts what was handed out.</param>
/// <param name="Control">What control sessions work with.</param>
/// <param name="Poller">Waits for full sockets.</param>
/// <param name="Time">Clock of the stall limit.</param>
/// <param name="Log">Log.</param>
internal sealed record BrokerServices(
    FdTokenTable Tokens,
    RevocationBoard Board,
    SharedMappings Mappings,
    ControlServices Control,
    FdPoller Poller,
    TimeProvider Time,
    ILogger<FdBroker> Log);
