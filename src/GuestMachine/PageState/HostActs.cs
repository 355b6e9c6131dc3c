using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine.PageState;

/// <summary>Answers to a host that wants what its platform does not give it.</summary>
internal static class HostActs
{
    /// <summary>EOPNOTSUPP: there is no table of page states in the host's hands.</summary>
    public static Failure CannotChange(Platform platform) => new(
        Errno.EOPNOTSUPP, "change_pages", "platform",
        $"On platform {PlatformProfile.Of(platform).Name} the host keeps no page state that it could change so.", "act");
}
