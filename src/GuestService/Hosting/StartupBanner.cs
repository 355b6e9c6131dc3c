using System.Text;
using CocoGuest.Machine;
using CocoGuest.Machine.Profiles;
using CocoGuest.Service.Access;
using CocoGuest.Service.Options;
using CocoGuest.Service.Telemetry;

namespace CocoGuest.Service.Hosting;

/// <summary>What the server prints when it is ready: where it listens, its token, four calls to try.</summary>
internal static class StartupBanner
{
    private const string Package = "cocoguest.v1.";
    private const string TriedGuest = "tried";

    /// <summary>The text.</summary>
    public static string Text(GuestServer server)
    {
        string token = server.Parts.GetRequiredService<BearerToken>().Text;
        string? file = server.Parts.GetRequiredService<ServerOptions>().TokenFile;
        string shown = file is null ? token : "in " + file;
        var text = new StringBuilder();
        text.AppendLine("CocoGuest is ready.");
        if (server.TcpAddress is { } tcp)
        {
            text.AppendLine($"  gRPC       {tcp.Host}:{tcp.Port}");
            text.AppendLine($"  token      {shown}  (over TCP, for calls that reach beyond one's own process)");
        }

        text.AppendLine($"  gRPC       unix:{server.SocketPath}");
        text.AppendLine($"  fd broker  unix:{server.BrokerPath}");
        if (server.MetricsAddress is { } metrics)
        {
            text.AppendLine($"  metrics    {new Uri(metrics, MetricsPort.Path)}");
        }

        GuestRegistry host = server.Parts.GetRequiredService<GuestRegistry>();
        foreach (Guest guest in host.List())
        {
            GuestShape shape = guest.Shape;
            text.AppendLine($"  guest      {shape.Name}: {ShapeWords.NameOf(shape.Platform)}, kernel {ShapeWords.NameOf(shape.Kernel)}, "
                + $"{shape.MemoryBytes >> 20} MiB, heaps {string.Join(", ", shape.Heaps)}");
        }

        text.AppendLine();
        text.AppendLine("Try:");
        foreach (string call in Calls(server, file is null ? token : $"$(cat {file})", host.List() is [var first, ..] ? first : null))
        {
            text.AppendLine("  " + call);
        }

        return text.ToString();
    }

    /// <summary>
    /// Four calls that work as they stand, one after the other, and again: the last one undoes the first.
    /// </summary>
    private static string[] Calls(GuestServer server, string token, Guest? guest)
    {
        string authorize = server.TcpAddress is null ? "" : $"-H \"authorization: Bearer {token}\" ";
        return guest is null
            ?
            [
                Call(server, authorize, "HostService/CreateGuest", $$$"""{"shape":{"name":"{{{TriedGuest}}}"}}"""),
                Call(server, "", "GuestService/ListHeaps", $$"""{"guest":"{{TriedGuest}}"}"""),
                Call(server, "", "HostService/GetGuest", $$"""{"guest":"{{TriedGuest}}"}"""),
                Call(server, authorize, "HostService/DestroyGuest", $$"""{"guest":"{{TriedGuest}}"}"""),
            ]
            :
            [
                Call(server, "", "GuestService/AllocateBuffer", $$"""{"heap":"{{guest.Shape.Heaps[^1]}}","len":65536}"""),
                Call(server, "", "HostService/GetGuest", "{}"),
                Call(server, authorize, "HypervisorService/GetPageStates", """{"maxRuns":8}"""),
                Call(server, "", "GuestService/Release", """{"fd":3}"""),
            ];
    }

    private static string Call(GuestServer server, string header, string method, string body)
    {
        string target = server.TcpAddress is { } tcp
            ? $"http://{tcp.Host}:{tcp.Port}"
            : $"--unix-socket {server.SocketPath} http://localhost";
        return $"buf curl --protocol grpc --http2-prior-knowledge {header}-d '{body}' {target}/{Package}{method}";
    }
}
