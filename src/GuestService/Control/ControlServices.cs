using CocoGuest.Machine;
using CocoGuest.Service.Processes;

namespace CocoGuest.Service.Control;

/// <summary>What every control session works with.</summary>
/// <param name="Host">The guests.</param>
/// <param name="Sessions">Their processes.</param>
/// <param name="ShareTokens">Share tokens.</param>
internal sealed record ControlServices(GuestRegistry Host, ProcessSessions Sessions, ShareTokenReaper ShareTokens);
