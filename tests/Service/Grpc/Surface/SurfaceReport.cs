namespace CocoGuest.Tests.Service.Grpc.Surface;

/// <summary>What a check saw and what it found wrong.</summary>
internal sealed class SurfaceReport
{
    internal List<string> Problems { get; } = [];

    internal int Types { get; set; }

    internal int Members { get; set; }

    internal int Overrides { get; set; }

    internal int InterfaceMembers { get; set; }
}
