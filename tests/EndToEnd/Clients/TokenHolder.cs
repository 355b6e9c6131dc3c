using System.Text.Json.Nodes;
using CocoGuest.Client;
using CocoGuest.V1;

namespace CocoGuest.Tests.EndToEnd.Clients;

/// <summary>
/// A client to be killed: has a buffer with a mark in it, an fd token that it never redeems, and a share token in flight; prints both tokens
/// and waits. No program for people leaves tokens lying about, so the tests bring their own.
/// Arguments: the server, the guest, life of the share token in nanoseconds (0: the server's default).
/// </summary>
internal static class TokenHolder
{
    /// <summary>What the buffer begins with.</summary>
    public const byte Mark = 0xc0;

    private static async Task<int> Main(string[] arguments)
    {
        using var connection = CocoConnection.Connect(arguments[0]);
        string guest = arguments[1];
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
            ExpiresAfterNanoseconds = ulong.Parse(arguments[2], System.Globalization.CultureInfo.InvariantCulture),
        });
        Console.WriteLine(new JsonObject { ["fdToken"] = unredeemed.FdToken, ["shareToken"] = exported.ShareToken }.ToJsonString());
        await process.Ended;
        return 1;
    }
}
