namespace CocoGuest.Linux.Processes;

/// <summary>What the kernel says of a signal.</summary>
/// <param name="Signal">Its number.</param>
/// <param name="Code">si_code: positive for signals that the kernel sent, a terminal's among them; SI_USER and SI_QUEUE for those of
/// processes.</param>
/// <param name="Pid">The process that sent it.</param>
/// <param name="Uid">Its user.</param>
/// <param name="Value">What sigqueue sent with it.</param>
internal readonly record struct SignalNote(int Signal, int Code, int Pid, int Uid, long Value);
