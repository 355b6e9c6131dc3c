namespace CocoGuest.Service.Processes;

/// <summary>Somebody who holds fds and wants to hear when the memory behind one is taken back.</summary>
internal interface IRevocationListener
{
    /// <summary>The memory reads zeros now. Called under the guest's lock: note it, and come back at once.</summary>
    /// <param name="backingId">Identity of the backing.</param>
    /// <param name="reason">"released", "private" or "guest ended".</param>
    void OnRevoked(ulong backingId, string reason);
}
