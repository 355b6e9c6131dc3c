namespace CocoGuest.Machine.Diagnostics;

/// <summary>
/// The guest kernel's log. Sites that print once per boot or rate-limited ask first, so that a suppressed line costs no formatting.
/// </summary>
public interface IKernelLog
{
    /// <summary>Adds an information line.</summary>
    void Info(string text);

    /// <summary>Adds a warning line.</summary>
    void Warn(string text);

    /// <summary>True the first time in this boot that the site asks (S-UNV-56).</summary>
    /// <param name="site">Name of the place in the code that prints.</param>
    bool MayWarnOnce(string site);

    /// <summary>True while the site has printed fewer than 10 lines in the current 5 seconds of guest time (S-UNV-56).</summary>
    /// <param name="site">Name of the place in the code that prints.</param>
    bool MayWarnRateLimited(string site);
}
