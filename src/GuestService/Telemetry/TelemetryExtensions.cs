using Microsoft.Extensions.Options;

namespace CocoGuest.Service.Telemetry;

/// <summary>Puts telemetry into a server.</summary>
internal static class TelemetryExtensions
{
    /// <summary>Adds telemetry, active when an endpoint is set here or by <see cref="TelemetryOptions.EndpointKey"/>.</summary>
    /// <param name="services">The server's services.</param>
    /// <param name="configure">Sets what the standard keys do not say, or overrules them.</param>
    internal static IServiceCollection AddCocoTelemetry(this IServiceCollection services, Action<TelemetryOptions>? configure = null)
    {
        _ = services.AddOptions<TelemetryOptions>()
            .Configure(options => configure?.Invoke(options))
            .PostConfigure<IConfiguration>((options, configuration) => options.Complete(configuration))
            .ValidateOnStart();
        return services
            .AddSingleton<IValidateOptions<TelemetryOptions>, TelemetryOptionsValidator>()
            .AddSingleton<TelemetryService>()
            .AddHostedService(provider => provider.GetRequiredService<TelemetryService>());
    }
}
