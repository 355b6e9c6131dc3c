using CocoGuest.Service.Health;
using CocoGuest.Service.Reflection;
using CocoGuest.Tests.Service.Grpc;
using CocoGuest.Tests.Service.Grpc.Probing;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Grpc.Core;
using Grpc.Reflection.V1;
using Microsoft.Extensions.DependencyInjection;
using Alpha = Grpc.Reflection.V1Alpha;
using HealthV1 = Grpc.Health.V1.Health;

namespace CocoGuest.Tests.Service.Reflection;

public sealed class ReflectionServiceTests : IAsyncLifetime
{
    private KestrelHost? _host;

    public async Task InitializeAsync() => _host = await KestrelHost.StartAsync(
        builder =>
        {
            builder.Services.AddGrpc();
            builder.Services.AddCocoHealth();
            builder.Services.AddCocoReflection(Probe.Descriptor, HealthV1.Descriptor);
        },
        app =>
        {
            app.MapCocoHealth();
            app.MapCocoReflection();
        });

    public async Task DisposeAsync() => await _host!.DisposeAsync();

    [Theory]
    [InlineData(Transport.Tcp)]
    [InlineData(Transport.UnixSocket)]
    public async Task ListServices_GivesTheServedOnesAndItself(Transport transport)
    {
        ServerReflectionResponse answer = Assert.Single(await AskAsync(transport, new ServerReflectionRequest { ListServices = "" }));

        Assert.Equal(
            [
                "cocoguest.tests.Probe",
                "grpc.health.v1.Health",
                "grpc.reflection.v1.ServerReflection",
                "grpc.reflection.v1alpha.ServerReflection",
            ],
            answer.ListServicesResponse.Service.Select(s => s.Name));
    }

    [Theory]
    [InlineData("cocoguest.tests.Probe")]
    [InlineData("cocoguest.tests.Probe.Duplex")]
    [InlineData("cocoguest.tests.ProbeRequest")]
    [InlineData("cocoguest.tests.ProbeRequest.Act")]
    public async Task FileContainingSymbol_EachKindOfSymbol_GivesItsFileFirst(string symbol)
    {
        ServerReflectionResponse answer = await AskAsync(new ServerReflectionRequest { FileContainingSymbol = symbol });

        Assert.Equal("probe.proto", Files(answer)[0].Name);
    }

    [Fact]
    public async Task FileContainingSymbol_TypeOfErrorDetails_IsGivenAlthoughNoServiceImportsIt()
    {
        ServerReflectionResponse answer = await AskAsync(new ServerReflectionRequest { FileContainingSymbol = "google.rpc.ErrorInfo" });

        Assert.Equal("google/rpc/error_details.proto", Files(answer)[0].Name);
    }

    [Fact]
    public async Task FileByFilename_FileWithImports_GivesThemAllOnce()
    {
        ServerReflectionResponse answer = await AskAsync(new ServerReflectionRequest { FileByFilename = "probe.proto" });

        Assert.Equal(["probe.proto", "extended.proto", "google/protobuf/descriptor.proto"], Files(answer).Select(f => f.Name));
    }

    [Fact]
    public async Task FileByFilename_FileThatIsOnlyImported_IsGiven()
    {
        ServerReflectionResponse answer = await AskAsync(new ServerReflectionRequest { FileByFilename = "google/protobuf/descriptor.proto" });

        Assert.Contains(Files(answer).Single().MessageType, m => m.Name == "MethodOptions");
    }

    [Fact]
    public async Task FileContainingExtension_KnownOne_GivesTheFileThatDeclaresIt()
    {
        ServerReflectionResponse answer = await AskAsync(new ServerReflectionRequest
        {
            FileContainingExtension = new() { ContainingType = "google.protobuf.MethodOptions", ExtensionNumber = 50001 },
        });

        Assert.Equal("extended.proto", Files(answer)[0].Name);
    }

    [Fact]
    public async Task AllExtensionNumbers_ExtendedMessage_GivesTheNumbers()
    {
        ServerReflectionResponse answer = await AskAsync(new ServerReflectionRequest { AllExtensionNumbersOfType = "google.protobuf.MethodOptions" });

        Assert.Equal([50001], answer.AllExtensionNumbersResponse.ExtensionNumber);
    }

    [Fact]
    public async Task AllExtensionNumbers_MessageWithoutExtensions_GivesNone()
    {
        ServerReflectionResponse answer = await AskAsync(new ServerReflectionRequest { AllExtensionNumbersOfType = "cocoguest.tests.ProbeReply" });

        Assert.Equal("cocoguest.tests.ProbeReply", answer.AllExtensionNumbersResponse.BaseTypeName);
        Assert.Empty(answer.AllExtensionNumbersResponse.ExtensionNumber);
    }

    public static TheoryData<ServerReflectionRequest, StatusCode> Refused => new()
    {
        { new() { FileByFilename = "none.proto" }, StatusCode.NotFound },
        { new() { FileContainingSymbol = "no.Such" }, StatusCode.NotFound },
        { new() { FileContainingExtension = new() { ContainingType = "no.Such", ExtensionNumber = 1 } }, StatusCode.NotFound },
        { new() { AllExtensionNumbersOfType = "no.Such" }, StatusCode.NotFound },
        { new(), StatusCode.InvalidArgument },
    };

    [Theory, MemberData(nameof(Refused), DisableDiscoveryEnumeration = true)]
    public async Task Request_ThatCannotBeAnswered_IsAnErrorAndTheStreamGoesOn(ServerReflectionRequest request, StatusCode code)
    {
        List<ServerReflectionResponse> answers = await AskAsync(Transport.Tcp, request, new ServerReflectionRequest { ListServices = "" });

        Assert.Equal((int)code, answers[0].ErrorResponse.ErrorCode);
        Assert.NotNull(answers[1].ListServicesResponse);
    }

    [Fact]
    public async Task Answer_RepeatsHostAndRequest()
    {
        var request = new ServerReflectionRequest { Host = "here", FileContainingSymbol = "no.Such" };

        ServerReflectionResponse answer = await AskAsync(request);

        Assert.Equal(("here", request), (answer.ValidHost, answer.OriginalRequest));
    }

    [Fact]
    public async Task Alpha_SameQuestion_GivesTheSameAnswer()
    {
        var request = new ServerReflectionRequest { Host = "h", FileContainingSymbol = "cocoguest.tests.Probe" };
        using AsyncDuplexStreamingCall<Alpha.ServerReflectionRequest, Alpha.ServerReflectionResponse> call = new Alpha.ServerReflection.ServerReflectionClient(_host!.Channel(Transport.Tcp))
            .ServerReflectionInfo(deadline: KestrelHost.Deadline);
        await call.RequestStream.WriteAsync(Alpha.ServerReflectionRequest.Parser.ParseFrom(request.ToByteString()));
        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None));

        Assert.Equal((await AskAsync(request)).ToByteString(), call.ResponseStream.Current.ToByteString());
    }

    private async Task<ServerReflectionResponse> AskAsync(ServerReflectionRequest request) =>
        Assert.Single(await AskAsync(Transport.Tcp, request));

    private async Task<List<ServerReflectionResponse>> AskAsync(Transport transport, params ServerReflectionRequest[] requests)
    {
        using AsyncDuplexStreamingCall<ServerReflectionRequest, ServerReflectionResponse> call = new ServerReflection.ServerReflectionClient(_host!.Channel(transport))
            .ServerReflectionInfo(deadline: KestrelHost.Deadline);
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
