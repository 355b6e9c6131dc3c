using System.Buffers.Binary;
using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using CocoGuest.Tests.Service.Grpc.Probing;
using Google.Protobuf;
using Grpc.Core;

namespace CocoGuest.Tests.Service.Grpc;

/// <summary>Compressed messages, seen as bytes on the wire where the client's own view could not tell.</summary>
public sealed class GrpcCompressionTests(ProbeHost host) : IClassFixture<ProbeHost>
{
    private static readonly ByteString Zeros = ByteString.CopyFrom(new byte[100_000]);

    [Fact]
    public async Task Response_ClientTakesGzip_IsCompressedOnTheWire()
    {
        byte[] frame = await RawUnaryAsync(ProbeRequest.Types.Act.Echo);

        Assert.Equal(1, frame[0]);
        Assert.InRange(frame.Length, 6, 2000);
        using var gzip = new GZipStream(new MemoryStream(frame, 5, frame.Length - 5), CompressionMode.Decompress);
        Assert.Equal(Zeros, ProbeReply.Parser.ParseFrom(gzip).Data);
    }

    [Fact]
    public async Task Response_HandlerSaysNoCompress_IsPlainOnTheWire()
    {
        byte[] frame = await RawUnaryAsync(ProbeRequest.Types.Act.Plain);

        Assert.Equal(0, frame[0]);
        Assert.Equal(Zeros, ProbeReply.Parser.ParseFrom(frame, 5, frame.Length - 5).Data);
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("deflate")]
    public async Task Request_Compressed_IsReadByTheServer(string encoding)
    {
        ProbeReply reply = await host.Client(Transport.Tcp).UnaryAsync(
            new ProbeRequest { Data = Zeros }, new Metadata { { "grpc-internal-encoding-request", encoding } });

        Assert.Equal((encoding, Zeros), (reply.Seen.RequestEncoding, reply.Data));
    }

    private async Task<byte[]> RawUnaryAsync(ProbeRequest.Types.Act act)
    {
        byte[] message = new ProbeRequest { Data = Zeros, Act = act }.ToByteArray();
        byte[] frame = new byte[message.Length + 5];
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), message.Length);
        message.CopyTo(frame, 5);
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(host.Host.Address, "/cocoguest.tests.Probe/Unary"))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(frame) { Headers = { ContentType = new MediaTypeHeaderValue("application/grpc") } },
        };
        request.Headers.Add("te", "trailers");
        request.Headers.Add("grpc-accept-encoding", "gzip");
        using var client = new HttpClient();
        using HttpResponseMessage response = await client.SendAsync(request);
        return await response.Content.ReadAsByteArrayAsync();
    }
}
