using Google.Protobuf;
using Grpc.Core;
using Grpc.Reflection.V1Alpha;
using Stable = Grpc.Reflection.V1;

namespace CocoGuest.Service.Reflection;

/// <summary>
/// Serves <c>grpc.reflection.v1alpha.ServerReflection</c>, which older clients ask for. Its messages are those of v1 on the wire, so they
/// are translated by their bytes.
/// </summary>
internal sealed class ReflectionAlphaService(ReflectionAnswers answers) : ServerReflection.ServerReflectionBase
{
    /// <summary>Answers each request in turn.</summary>
    public override Task ServerReflectionInfo(
        IAsyncStreamReader<ServerReflectionRequest> requestStream,
        IServerStreamWriter<ServerReflectionResponse> responseStream,
        ServerCallContext context) => ReflectionStream.RunAsync(requestStream, responseStream, context, Answer);

    private ServerReflectionResponse Answer(ServerReflectionRequest request)
    {
        Stable.ServerReflectionResponse answer = answers.Answer(Stable.ServerReflectionRequest.Parser.ParseFrom(request.ToByteString()));
        return ServerReflectionResponse.Parser.ParseFrom(answer.ToByteString());
    }
}
