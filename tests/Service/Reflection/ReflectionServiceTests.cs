using CocoGuest.Service.Reflection;
using CocoGuest.Tests.Service.Hosting;
using CocoGuest.Tests.Service.Probing;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Grpc.AspNetCore.Server;
using Grpc.Core;
using Grpc.Net.Client;
using Grpc.Reflection.V1;
using Microsoft.AspNetCore.Routing;
using Alpha = Grpc.Reflection.V1Alpha;

namespace CocoGuest.Tests.Service.Reflection;

/// <summary>What <see cref="ReflectionParts"/> makes of the package's services, seen by a client.</summary>
public sealed class ReflectionServiceTests : ServerTest
{
    [Theory]
    [InlineData(Transport.Tcp)]
    [InlineData(Transport.UnixSocket)]
    public async Task ListServices_GivesTheMappedOnesAndItself(Transport transport)
    {
        GrpcChannel channel = transport == Transport.Tcp ? Host.Tcp() : Host.Unix();
        ServerReflectionResponse answer = Assert.Single(await AskAsync(channel, new ServerReflectionRequest { ListServices = "" }));

        Assert.Equal(
            Host.Part<EndpointDataSource>().Endpoints.Select(e => e.Metadata.GetMetadata<GrpcMethodMetadata>()?.Method.ServiceName)
                .OfType<string>().Distinct().Order(StringComparer.Ordinal),
            answer.ListServicesResponse.Service.Select(s => s.Name));
        Assert.Contains(answer.ListServicesResponse.Service, s => s.Name == "grpc.reflection.v1.ServerReflection");
    }

    [Theory]
    [InlineData("cocoguest.v1.GuestService")]
    [InlineData("cocoguest.v1.GuestService.AllocateBuffer")]
    [InlineData("cocoguest.v1.AllocateBufferRequest")]
    public async Task FileContainingSymbol_EachKindOfSymbol_GivesItsFileFirstThenItsImports(string symbol)
    {
        ServerReflectionResponse answer = await AskAsync(new ServerReflectionRequest { FileContainingSymbol = symbol });

        string[] names = [.. Files(answer).Select(f => f.Name)];
        Assert.Equal("cocoguest/v1/guest_service.proto", names[0]);
        Assert.Contains("cocoguest/v1/dma.proto", names);
        Assert.Equal(names.Distinct(), names);
    }

    [Theory]
    [InlineData("google.rpc.ErrorInfo", "google/rpc/error_details.proto")]
    [InlineData("google.rpc.Status", "google/rpc/status.proto")]
    public async Task FileContainingSymbol_TypeOfErrorDetails_IsGivenAlthoughNoServiceImportsIt(string symbol, string file)
    {
        ServerReflectionResponse answer = await AskAsync(new ServerReflectionRequest { FileContainingSymbol = symbol });

        Assert.Equal(file, Files(answer)[0].Name);
    }

    [Theory]
    [InlineData("cocoguest.v1.GuestService.AllocateBuffer", "DMA_HEAP_IOCTL_ALLOC")]
    [InlineData("cocoguest.v1.DmaSegment", "What the device puts on the bus.")]
    [InlineData("cocoguest.v1.HostService", "Life of guests.")]
    [InlineData("cocoguest.v1.Right", "Unix socket")]
    public async Task FileContainingSymbol_OfTheApi_HasTheCommentsOfItsSource(string symbol, string comment)
    {
        ServerReflectionResponse answer = await AskAsync(new ServerReflectionRequest { FileContainingSymbol = symbol });

        Assert.Contains(
            Files(answer)[0].SourceCodeInfo.Location, location => location.LeadingComments.Contains(comment, StringComparison.Ordinal));
    }

    [Fact]
    public async Task FileByFilename_FileThatIsOnlyImported_IsGiven()
    {
        ServerReflectionResponse answer = await AskAsync(new ServerReflectionRequest { FileByFilename = "cocoguest/v1/dma.proto" });

        Assert.Contains(Files(answer).Single().EnumType, e => e.Name == "DmaDirection");
    }

    public static TheoryData<ServerReflectionRequest, StatusCode> Refused => new()
    {
        { new() { FileByFilename = "none.proto" }, StatusCode.NotFound },
        { new() { FileContainingSymbol = "no.Such" }, StatusCode.NotFound },
        // The package does not look for extensions; only options can have some in our protos, and the files that declare them are imports.
        { new() { AllExtensionNumbersOfType = "google.protobuf.MethodOptions" }, StatusCode.Unimplemented },
        { new(), StatusCode.Unimplemented },
    };

    [Theory, MemberData(nameof(Refused), DisableDiscoveryEnumeration = true)]
    public async Task Request_ThatCannotBeAnswered_IsAnErrorAndTheStreamGoesOn(ServerReflectionRequest request, StatusCode code)
    {
        List<ServerReflectionResponse> answers = await AskAsync(Host.Unix(), request, new ServerReflectionRequest { ListServices = "" });

        Assert.Equal((int)code, answers[0].ErrorResponse.ErrorCode);
        Assert.NotNull(answers[1].ListServicesResponse);
    }

    [Fact]
    public async Task Alpha_SameQuestion_GivesTheSameAnswer()
    {
        var request = new ServerReflectionRequest { Host = "h", FileContainingSymbol = "google.rpc.ErrorInfo" };
        using AsyncDuplexStreamingCall<Alpha.ServerReflectionRequest, Alpha.ServerReflectionResponse> call =
            new Alpha.ServerReflection.ServerReflectionClient(Host.Unix()).ServerReflectionInfo(deadline: KestrelHost.Deadline);
        await call.RequestStream.WriteAsync(Alpha.ServerReflectionRequest.Parser.ParseFrom(request.ToByteString()));
        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None));

        Assert.Equal((await AskAsync(request)).ToByteString(), call.ResponseStream.Current.ToByteString());
        await call.RequestStream.CompleteAsync();
        Assert.False(await call.ResponseStream.MoveNext(CancellationToken.None));
    }

    private async Task<ServerReflectionResponse> AskAsync(ServerReflectionRequest request) =>
        Assert.Single(await AskAsync(Host.Unix(), request));

    private static async Task<List<ServerReflectionResponse>> AskAsync(GrpcChannel channel, params ServerReflectionRequest[] requests)
    {
        using AsyncDuplexStreamingCall<ServerReflectionRequest, ServerReflectionResponse> call =
            new ServerReflection.ServerReflectionClient(channel).ServerReflectionInfo(deadline: KestrelHost.Deadline);
        foreach (ServerReflectionRequest request in requests)
        {
            await call.RequestStream.WriteAsync(request);
        }

        await call.RequestStream.CompleteAsync();
        return await call.ResponseStream.ReadAllAsync().ToListAsync();
    }

    private static List<FileDescriptorProto> Files(ServerReflectionResponse answer) =>
        [.. answer.FileDescriptorResponse.FileDescriptorProto.Select(FileDescriptorProto.Parser.ParseFrom)];
}
