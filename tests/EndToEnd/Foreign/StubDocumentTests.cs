using CocoGuest.Tests.EndToEnd.Processes;
using CocoGuest.Tests.EndToEnd.Run;

namespace CocoGuest.Tests.EndToEnd.Foreign;

/// <summary>docs/protocol.md on clients in other languages: its line makes stubs, and its rule of offsets finds a device's bytes.</summary>
public sealed class StubDocumentTests(SharedServer shared, Scratch scratch) : IClassFixture<SharedServer>, IClassFixture<Scratch>
{
    // By nothing but the document: stubs, a token, an fd, fd_offset + (A - dma_address).
    private const string Device =
        """
        import mmap, socket, struct, sys
        import grpc
        from cocoguest.v1 import device_service_pb2, device_service_pb2_grpc, guest_service_pb2 as g, guest_service_pb2_grpc
        channel = grpc.insecure_channel(sys.argv[1])
        guest = guest_service_pb2_grpc.GuestServiceStub(channel)
        devices = device_service_pb2_grpc.DeviceServiceStub(channel)
        stream = guest.OpenProcess(g.OpenProcessRequest(name='stubs'))
        opened = next(stream).opened
        on = dict(process=opened.process)
        buffer = guest.AllocateBuffer(g.AllocateBufferRequest(heap='system_cc_shared', len=(1 << 20) + 65536 + 4096, **on))
        nic = devices.RegisterDevice(device_service_pb2.RegisterDeviceRequest(name='stub-nic', kind='rdma', **on)).device
        attachment = guest.Attach(g.AttachRequest(fd=buffer.fd, device=nic, **on)).attachment
        answer = guest.MapDmaBuf(g.MapDmaBufRequest(attachment=attachment, **on))
        broker = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        broker.connect(answer.broker_path)
        broker.sendall(struct.pack('<II16s8x', 0x31424743, 1, bytes.fromhex(answer.fd_token)))
        frame, fds, _, _ = socket.recv_fds(broker, 48, 1)
        memory = mmap.mmap(fds[0], buffer.size)
        for number, segment in enumerate(answer.segments):
            address = segment.dma_address + 8 * number
            at = segment.fd_offset + (address - segment.dma_address)
            memory[at:at + 4] = struct.pack('<I', 1000 + number)
            read = devices.DmaRead(device_service_pb2.DmaReadRequest(device=nic, dma_address=address, length=4, **on))
            print(number, struct.unpack('<I', read.data)[0])
        """;

    [ForeignFact(ForeignTool.Python)]
    public async Task StubLine_OfTheDocument_MakesStubsThatFindADevicesBytes()
    {
        string document = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "docs/protocol.md"));
        (string command, _) = Assert.Single(Transcript.Commands(Assert.Single(
            Transcript.Blocks(document, "Clients in other languages")["console"])));
        await File.WriteAllTextAsync(scratch["device.py"], Device);
        (int exitCode, string output, string said) = await ChildProgram.RunAsync(
            "/bin/sh",
            [
                "-ec", $"cd '{scratch["."]}' && ln -s '{Programs.Protos}' protos && mkdir stubs && {command} "
                    + $"&& PYTHONPATH=stubs /usr/bin/python3 device.py '{shared.Server.Unix}'",
            ]);

        Assert.True(exitCode == 0, said);
        Assert.Equal("0 1000\n1 1001\n2 1002\n", output);
    }

    [Theory]
    [InlineData("Python")]
    [InlineData("Node.js")]
    [InlineData("C#")]
    [InlineData("C, and what calls C")]
    public async Task Document_OfALanguage_NamesFilesThatAreThere(string language)
    {
        string document = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "docs/protocol.md"));
        string row = Assert.Single(document.Split('\n'), line => line.StartsWith($"| {language} |", StringComparison.Ordinal));

        Assert.All(
            row.Split("](../").Skip(1).Select(rest => rest[..rest.IndexOf(')', StringComparison.Ordinal)]),
            path => Assert.True(File.Exists(Path.Combine(Repository.Root, path)), path));
    }
}
