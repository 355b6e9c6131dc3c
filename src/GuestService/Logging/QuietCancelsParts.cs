using Microsoft.Extensions.DependencyInjection.Extensions;

namespace CocoGuest.Service.Logging;

/// <summary>Puts <see cref="QuietCancels"/> in place.</summary>
internal static class QuietCancelsParts
{
    /// <summary>All loggers come through it from now on.</summary>
    public static void AddQuietCancels(this IServiceCollection parts)
    {
        parts.AddSingleton<LoggerFactory>();
        parts.Replace(ServiceDescriptor.Singleton<ILoggerFactory>(p => new QuietCancels(
            p.GetRequiredService<LoggerFactory>(), p.GetRequiredService<TimeProvider>())));
    }
}
