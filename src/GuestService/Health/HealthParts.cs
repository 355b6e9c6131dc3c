using Grpc.HealthCheck;
using static Grpc.Health.V1.HealthCheckResponse.Types;

namespace CocoGuest.Service.Health;

/// <summary>
/// <c>grpc.health.v1</c> from the package. The server says itself when its services serve, so a watcher hears of it at once: the package
/// answers from what it was told, and none of its checks by the clock runs.
/// </summary>
internal static class HealthParts
{
    /// <summary>Adds the service and what it answers from.</summary>
    internal static void AddCocoHealth(this IServiceCollection parts) => parts.AddGrpcHealthChecks(health =>
    {
        health.UseHealthChecksCache = true;
        health.Services.Clear();
    });

    /// <summary>Says that services serve, until the host begins to stop. The package ends watches at that moment.</summary>
    /// <param name="parts">The parts of the server.</param>
    /// <param name="services">Their full names; the server as a whole is one more.</param>
    internal static void ServeUntilStop(IServiceProvider parts, IEnumerable<string> services)
    {
        HealthServiceImpl health = parts.GetRequiredService<HealthServiceImpl>();
        string[] all = ["", .. services];
        SetAll(ServingStatus.Serving);
        parts.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping.Register(() => SetAll(ServingStatus.NotServing));

        void SetAll(ServingStatus status) => Array.ForEach(all, service => health.SetStatus(service, status));
    }
}
