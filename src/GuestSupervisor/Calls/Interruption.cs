namespace CocoGuest.Supervisor.Calls;

/// <summary>
/// How a call that waits ends when a signal comes: numbers that the kernel's signal delivery turns into EINTR or into a new start of the
/// call. A program sees them only if no signal is delivered after all.
/// </summary>
internal enum Interruption
{
    /// <summary>EINTR, whatever the handler is.</summary>
    Plain = 4,

    /// <summary>ERESTARTSYS: begins again unless a handler without SA_RESTART runs, as waits in drivers do.</summary>
    Restart = 512,

    /// <summary>ERESTARTNOHAND: EINTR if a handler runs, as poll.</summary>
    NoHandler = 514,
}
