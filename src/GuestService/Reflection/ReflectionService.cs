using Grpc.Core;
using Grpc.Reflection.V1;

namespace CocoGuest.Service.Reflection;

/// <summary>Serves <c>grpc.reflection.v1.ServerReflection</c>.</summary>
internal sealed class ReflectionService(ReflectionAnswers answers) : ServerReflection.ServerReflectionBase
{
    /// <summary>Answers each request in turn.</summary>
    public override Task ServerReflectionInfo(
        IAsyncStreamReader<ServerReflectionRequest> requestStream,
        IServerStreamWriter<ServerReflectionResponse> responseStream,
        ServerCallContext context) => ReflectionStream.RunAsync(requestStream, responseStream, context, answers.Answer);
}
