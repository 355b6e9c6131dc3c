using CocoGuest.Machine.Memory.Frames;

namespace CocoGuest.Machine.PageState;

/// <summary>
/// What a VMM says and what it did: an honest one does all and says Ok, or does nothing and says something else. One that half-does or lies
/// makes the two differ, and the guest finds out later (S-PLAT-01).
/// </summary>
/// <param name="Answer">What the guest is told.</param>
/// <param name="Done">Frames from the start of the range that really changed; more than the range counts as all.</param>
public readonly record struct VmmReply(VmmAnswer Answer, ulong Done)
{
    /// <summary>Nanoseconds of guest time that the exit took.</summary>
    public ulong Nanoseconds { get; init; }

    /// <summary>The part of a range that changed.</summary>
    public FrameRange DoneOf(FrameRange range) => range with { Count = Math.Min(range.Count, Done) };

    /// <summary>An honest reply: Ok has done all, anything else nothing.</summary>
    public static VmmReply From(VmmAnswer answer) => new(answer, answer == VmmAnswer.Ok ? ulong.MaxValue : 0);

    /// <summary>As <see cref="From"/>.</summary>
    public static implicit operator VmmReply(VmmAnswer answer) => From(answer);
}
