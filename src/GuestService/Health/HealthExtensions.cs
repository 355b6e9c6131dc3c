namespace CocoGuest.Service.Health;

/// <summary>Puts the health service into a server.</summary>
internal static class HealthExtensions
{
    /// <summary>Adds one <see cref="HealthState"/>, which ends with the host. Set statuses on it from anywhere.</summary>
    internal static IServiceCollection AddCocoHealth(this IServiceCollection services) =>
        services.AddSingleton(provider => new HealthState(provider.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping));

    /// <summary>Maps <c>grpc.health.v1.Health</c>.</summary>
    internal static GrpcServiceEndpointConventionBuilder MapCocoHealth(this IEndpointRouteBuilder endpoints) =>
        endpoints.MapGrpcService<HealthService>();
}
