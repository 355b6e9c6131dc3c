namespace CocoGuest.Machine.PageState;

/// <summary>What a SEV host knows of a frame: only what hypercalls told it (S-SEV-06).</summary>
public enum SevHostKnowledge
{
    /// <summary>No hypercall has named the frame.</summary>
    Unknown = 0,
    /// <summary>Told that it is private.</summary>
    ToldPrivate = 1,
    /// <summary>Told that it is shared.</summary>
    ToldShared = 2,
}
