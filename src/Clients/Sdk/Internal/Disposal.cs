using Grpc.Core;

namespace CocoGuest.Client.Internal;

/// <summary>Giving back what may be gone already: a dispose must not hide the error that led to it.</summary>
internal static class Disposal
{
    private const int OwnerDead = 130;

    /// <summary>Gives something back, unless its process has ended. That its server, guest or process is gone is no error here.</summary>
    public static async ValueTask GiveBackAsync(GuestProcess process, Func<Task> giveBack)
    {
        if (process.Ended.IsCompleted)
            return;
        try
        {
            await giveBack();
        }
        catch (CocoException e) when (e is ServerGoneException || e.Errno == OwnerDead || e.StatusCode == StatusCode.NotFound)
        {
            // It went with its owner.
        }
    }
}
