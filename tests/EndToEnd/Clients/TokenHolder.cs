using System.Globalization;
using System.Text.Json.Nodes;
using CocoGuest.Client;
using CocoGuest.Tests.EndToEnd.Processes;
using CocoGuest.V1;
using Xunit.MicrosoftTestingPlatform;

namespace CocoGuest.Tests.EndToEnd.Clients;

/// <summary>
/// A client to be killed: has a buffer with a mark in it, an fd token that it never redeems, and a share token in flight; prints both
/// tokens and waits. No program for people leaves tokens lying about, so the tests bring their own.
/// It is the test assembly as a program: <c>hold SERVER GUEST LIFE</c>, the life of the share token in nanoseconds (0: the server's
/// default); all else runs the tests.
/// </summary>
internal static class TokenHolder
{
    /// <summary>What the buffer begins with.</summary>
    public const byte Mark = 0xc0;

    private const string Verb = "hold";

    /// <summary>Starts the holder as a process of its own.</summary>
    public static ChildProgram Start(string server, string guest, ulong life) => ChildProgram.Start(
        Path.Combine(AppContext.BaseDirectory, "CocoGuest.Tests.EndToEnd"),
        [Verb, server, guest, life.ToString(CultureInfo.InvariantCulture)]);

    private static Task<int> Main(string[] arguments) => arguments is [Verb, { } server, { } guest, { } life]
        ? HoldAsync(server, guest, ulong.Parse(life, CultureInfo.InvariantCulture))
        : TestPlatformTestFramework.RunAsync(arguments, SelfRegisteredExtensions.AddSelfRegisteredExtensions);

    private static async Task<int> HoldAsync(string server, string guest, ulong life)
    {
        using var connection = CocoConnection.Connect(server);
        await using GuestProcess process = await GuestProcess.OpenAsync(connection, guest, "token-holder");
        GuestBuffer buffer = await process.AllocateAsync("system_cc_shared", 65536);
        MappedMemory memory = await buffer.MmapAsync();
        memory.Span.Fill(Mark);
        MmapResponse unredeemed = await connection.Guest.MmapAsync(
            new MmapRequest { Guest = guest, Process = process.Handle, Fd = buffer.Fd });
        ExportBufferResponse exported = await connection.Guest.ExportBufferAsync(new ExportBufferRequest
        {
            Guest = guest,
            Process = process.Handle,
            Fd = buffer.Fd,
            ExpiresAfterNanoseconds = life,
        });
        Console.WriteLine(new JsonObject { ["fdToken"] = unredeemed.FdToken, ["shareToken"] = exported.ShareToken }.ToJsonString());
        await process.Ended;
        return 1;
    }
}
