namespace CocoGuest.Service.Control;

/// <summary>Carries one operation out.</summary>
/// <param name="session">The client's session.</param>
/// <param name="body">The request's body.</param>
internal delegate ControlReply ControlHandler(ControlSession session, ref ControlReader body);

/// <summary>One operation of the control protocol.</summary>
/// <param name="Operation">Its number.</param>
/// <param name="FixedBytes">Bytes of the body's fixed fields.</param>
/// <param name="DataBytes">Most bytes of data behind them.</param>
/// <param name="NeedsProcess">Whether the client has to have a process.</param>
/// <param name="Handler">Carries it out.</param>
internal sealed record ControlRow(ControlOperation Operation, int FixedBytes, int DataBytes, bool NeedsProcess, ControlHandler Handler);
