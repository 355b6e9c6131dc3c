using System.Text;
using CocoGuest.Tests.Service.Grpc.Probing;
using Grpc.Core;

namespace CocoGuest.Tests.Service.Grpc;

/// <summary>The rules of the API types themselves, without a server.</summary>
public sealed class GrpcApiRulesTests
{
    [Fact]
    public void MetadataAdd_UpperCaseKey_IsMadeLower() => Assert.Equal("a-key.1_x", new Metadata { { "A-Key.1_X", "v" } }[0].Key);

    [Theory]
    [InlineData("a b")]
    [InlineData(":path")]
    [InlineData("ä")]
    public void MetadataAdd_KeyWithOtherCharacters_Throws(string key) =>
        Assert.Throws<ArgumentException>(() => new Metadata { { key, "v" } });

    [Fact]
    public void MetadataAdd_TextUnderABinaryKey_Throws() => Assert.Throws<ArgumentException>(() => new Metadata { { "k-bin", "v" } });

    [Fact]
    public void MetadataAdd_BytesUnderATextKey_Throws() => Assert.Throws<ArgumentException>(() => new Metadata { { "k", [1] } });

    [Fact]
    public void MetadataAdd_ToEmpty_Throws() => Assert.Throws<InvalidOperationException>(() => Metadata.Empty.Add("k", "v"));

    [Fact]
    public void MetadataGet_KeyTwice_GivesTheLast()
    {
        var metadata = new Metadata { { "k", "1" }, { "other", "2" }, { "K", "3" } };

        Assert.Equal("3", metadata.GetValue("K"));
        Assert.Equal(["1", "3"], metadata.GetAll("k").Select(e => e.Value));
    }

    [Fact]
    public void MetadataEntry_BytesChangedAfterwards_KeepsItsOwn()
    {
        byte[] bytes = [1, 2];
        var entry = new Metadata.Entry("k-bin", bytes);
        bytes[0] = 9;
        entry.ValueBytes[1] = 9;

        Assert.Equal([1, 2], entry.ValueBytes);
    }

    [Fact]
    public void MetadataEntry_ValueOfBytes_Throws() =>
        Assert.Throws<InvalidOperationException>(() => new Metadata.Entry("k-bin", [1]).Value);

    [Fact]
    public void Marshaller_OfArrays_WorksOnContextsToo()
    {
        Marshaller<string> marshaller = Marshallers.StringMarshaller;
        var context = new CollectingContext();

        marshaller.ContextualSerializer("grün", context);

        Assert.Equal("grün", Encoding.UTF8.GetString(context.Payload!));
    }

    [Fact]
    public void Marshaller_OfContexts_HasNoArrays()
    {
        Marshaller<string> marshaller = Marshallers.Create(static (string _, SerializationContext context) => context.Complete([]), static _ => "");

        Assert.ThrowsAny<SystemException>(() => marshaller.Serializer("abc"));
    }

    [Fact]
    public void ChannelCredentials_CallCredentialsOnASecureChannel_AreJoined() =>
        Assert.NotNull(ChannelCredentials.Create(ChannelCredentials.SecureSsl, NoCredentials));

    [Fact]
    public void CallCredentialsCompose_OfOne_Throws() => Assert.Throws<ArgumentException>(() => CallCredentials.Compose(NoCredentials));

    [Fact]
    public void CallOptionsWith_LeavesTheOriginalAlone()
    {
        var original = new CallOptions();
        CallOptions changed = original.WithHeaders([]).WithWriteOptions(WriteOptions.Default).WithWaitForReady();

        Assert.True(original is { Headers: null, WriteOptions: null, IsWaitForReady: false });
        Assert.True(changed is { Headers: not null, WriteOptions: not null, IsWaitForReady: true });
    }

    [Fact]
    public async Task WriteAsync_WriterWithoutCancellation_TakesOnlyTokensThatNeverCancel()
    {
        IAsyncStreamWriter<string> writer = new ListWriter();
        using var source = new CancellationTokenSource();

        await writer.WriteAsync("a", CancellationToken.None);

        await Assert.ThrowsAsync<NotSupportedException>(() => writer.WriteAsync("b", source.Token));
        Assert.Equal(["a"], ((ListWriter)writer).Written);
    }

    [Fact]
    public void RpcException_Message_ShowsTheStatus()
    {
        var cause = new InvalidOperationException("inner");
        var error = new RpcException(new Status(StatusCode.Aborted, "why", cause));

        Assert.Contains("StatusCode=\"Aborted\", Detail=\"why\"", error.Message, StringComparison.Ordinal);
        Assert.Same(cause, error.InnerException);
        Assert.Empty(error.Trailers);
    }

    [Fact]
    public void ServerServiceDefinition_MethodTwice_Throws()
    {
        var method = new Method<string, string>(
            MethodType.Unary, "s", "m", Marshallers.StringMarshaller, Marshallers.StringMarshaller);
        ServerServiceDefinition.Builder builder = ServerServiceDefinition.CreateBuilder().AddMethod(method, (request, _) => Task.FromResult(request));

        Assert.Throws<ArgumentException>(() => builder.AddMethod(method, (request, _) => Task.FromResult(request)));
    }

    [Fact]
    public void ClientWithoutChannel_Call_Throws() =>
        Assert.ThrowsAny<SystemException>(() => new UnconnectedProbe().Unary(new ProbeRequest()));

    private static CallCredentials NoCredentials => CallCredentials.FromInterceptor((_, _) => Task.CompletedTask);

    private sealed class UnconnectedProbe : Probe.ProbeClient;

    private sealed class CollectingContext : SerializationContext
    {
        internal byte[]? Payload { get; private set; }

        public override void Complete(byte[] payload) => Payload = payload;
    }

    private sealed class ListWriter : IAsyncStreamWriter<string>
    {
        internal List<string> Written { get; } = [];

        public WriteOptions? WriteOptions { get; set; }

        public Task WriteAsync(string message)
        {
            Written.Add(message);
            return Task.CompletedTask;
        }
    }
}
