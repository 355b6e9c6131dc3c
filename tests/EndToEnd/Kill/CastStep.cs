namespace CocoGuest.Tests.EndToEnd.Kill;

/// <summary>How far the play has come.</summary>
public enum CastStep
{
    /// <summary>All processes are open, the importers' devices registered.</summary>
    Started,

    /// <summary>The application has a shared and a private buffer, the sender a shared one.</summary>
    Allocated,

    /// <summary>Each of the three is mapped and written by the CPU of its owner.</summary>
    Written,

    /// <summary>The receiver has the shared buffer, the GPU both, by share tokens.</summary>
    Imported,

    /// <summary>The importers' devices are attached and mapped; the private buffer bounces.</summary>
    Registered,

    /// <summary>The sender wrote to the application's buffer by RDMA.</summary>
    Connected,
}
