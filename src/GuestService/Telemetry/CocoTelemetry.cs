using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace CocoGuest.Service.Telemetry;

/// <summary>Where this program's own spans and measurements come from. Nothing is recorded while nobody listens.</summary>
internal static class CocoTelemetry
{
    /// <summary>The name of the source, of the meter and of the service.</summary>
    internal const string Name = "CocoGuest";

    /// <summary>Starts spans.</summary>
    internal static readonly ActivitySource Source = new(Name);

    /// <summary>Makes instruments.</summary>
    internal static readonly Meter Meter = new(Name);
}
