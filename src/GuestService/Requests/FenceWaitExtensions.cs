using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;
using CocoGuest.Machine;
using CocoGuest.Service.Errors;

namespace CocoGuest.Service.Requests;

/// <summary>
/// Calls that wait for fences: outside the guest's lock, until the fences signal, the caller gives up or guest time is over.
/// </summary>
internal static class FenceWaitExtensions
{
    /// <summary>
    /// Waits; a caller that gives up interrupts the wait, as a signal does in the kernel (EINTR). A failed wait ends the call.
    /// </summary>
    public static async Task EndAsync(this CallWait? wait, Guest guest, CancellationToken cancellation)
    {
        if (wait is not null)
        {
            (await wait.ResultAsync(guest, cancellation)).ThrowIfFailed();
        }
    }

    /// <summary>Waits likewise; null: the wait was successful.</summary>
    public static async Task<Failure?> ResultAsync(this CallWait wait, Guest guest, CancellationToken cancellation)
    {
        using CancellationTokenRegistration registration = cancellation.Register(() => guest.Fences.Interrupt(wait));
        return await wait.Completion;
    }
}
