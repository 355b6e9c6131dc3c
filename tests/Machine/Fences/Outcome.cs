using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Fences;

namespace CocoGuest.Tests.Machine.Fences;

/// <summary>How waits ended.</summary>
internal static class Outcome
{
    /// <summary>The errno of a wait that is over; null: it went well.</summary>
    public static Errno? Of(FenceWait wait)
    {
        Assert.True(wait.Completion.IsCompletedSuccessfully);
        return wait.Completion.GetAwaiter().GetResult()?.Errno;
    }
}
