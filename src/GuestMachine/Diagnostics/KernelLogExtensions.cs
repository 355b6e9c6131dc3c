namespace CocoGuest.Machine.Diagnostics;

/// <summary>Short forms for lines whose text costs nothing to make.</summary>
public static class KernelLogExtensions
{
    /// <summary>Warns the first time in this boot.</summary>
    public static void WarnOnce(this IKernelLog log, string site, string text)
    {
        if (log.MayWarnOnce(site))
        {
            log.Warn(text);
        }
    }

    /// <summary>Warns unless the site's rate limit is used up.</summary>
    public static void WarnRateLimited(this IKernelLog log, string site, string text)
    {
        if (log.MayWarnRateLimited(site))
        {
            log.Warn(text);
        }
    }
}
