using System.Net.Sockets;
using Xunit.MicrosoftTestingPlatform;

namespace CocoGuest.Tests.Service.Processes;

/// <summary>The test assembly as a program: <c>relay PATH</c> joins standard streams and a Unix socket, all else runs the tests.</summary>
internal static class RelayProgram
{
    public const string Verb = "relay";

    public static async Task<int> Main(string[] args)
    {
        if (args is not [Verb, { } path])
        {
            return await TestPlatformTestFramework.RunAsync(args, SelfRegisteredExtensions.AddSelfRegisteredExtensions);
        }

        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(path));
        await using var stream = new NetworkStream(socket);
        await Task.WhenAny(
            Console.OpenStandardInput().CopyToAsync(stream),
            stream.CopyToAsync(Console.OpenStandardOutput()));
        return 0;
    }
}
