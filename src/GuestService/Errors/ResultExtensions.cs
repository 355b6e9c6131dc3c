using CocoGuest.Machine.Abi;

namespace CocoGuest.Service.Errors;

/// <summary>From the machine's values to the call's end.</summary>
internal static class ResultExtensions
{
    /// <summary>The value; a failure ends the call.</summary>
    public static T OrThrow<T>(this Result<T> result)
    {
        if (!result.Ok)
        {
            GrpcErrors.Throw(result.Failure);
        }

        return result.Value;
    }

    /// <summary>A failure ends the call.</summary>
    public static void ThrowIfFailed(this Failure? failure)
    {
        if (failure is not null)
        {
            GrpcErrors.Throw(failure);
        }
    }
}
