using CocoGuest.Machine.Abi;

namespace CocoGuest.Tests.Machine.Platforms;

/// <summary>Short words for tests.</summary>
internal static class FailureExtensions
{
    /// <summary>The errno; None for success.</summary>
    public static Errno Errno(this Failure? failure) => failure?.Errno ?? CocoGuest.Machine.Abi.Errno.None;
}
