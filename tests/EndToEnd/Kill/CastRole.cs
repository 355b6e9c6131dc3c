namespace CocoGuest.Tests.EndToEnd.Kill;

/// <summary>Who plays in the demo, beside the server.</summary>
public enum CastRole
{
    /// <summary>Owns the buffers.</summary>
    Application,

    /// <summary>An RDMA importer with a buffer of its own.</summary>
    Sender,

    /// <summary>An RDMA importer with the application's buffer.</summary>
    Receiver,

    /// <summary>A DRM importer with both buffers of the application.</summary>
    Gpu,
}
