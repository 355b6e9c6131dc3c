using Google.Protobuf.Reflection;
using Grpc.Core;
using Grpc.Reflection.V1;
using Request = Grpc.Reflection.V1.ServerReflectionRequest.MessageRequestOneofCase;

namespace CocoGuest.Service.Reflection;

/// <summary>Answers single reflection requests. What is not found, or not asked properly, is an answer too: the stream goes on.</summary>
internal sealed class ReflectionAnswers(DescriptorIndex index)
{
    /// <summary>Answers one request.</summary>
    internal ServerReflectionResponse Answer(ServerReflectionRequest request)
    {
        ServerReflectionResponse response = request.MessageRequestCase switch
        {
            Request.FileByFilename => File(index.FileByName(request.FileByFilename), $"file '{request.FileByFilename}'"),
            Request.FileContainingSymbol => File(
                index.FileOfSymbol(request.FileContainingSymbol), $"symbol '{request.FileContainingSymbol}'"),
            Request.FileContainingExtension => File(
                index.FileOfExtension(request.FileContainingExtension.ContainingType, request.FileContainingExtension.ExtensionNumber),
                $"extension {request.FileContainingExtension.ExtensionNumber} of '{request.FileContainingExtension.ContainingType}'"),
            Request.AllExtensionNumbersOfType => Extensions(request.AllExtensionNumbersOfType),
            Request.ListServices => Services(),
            _ => Error(StatusCode.InvalidArgument, "the request asks for nothing"),
        };
        response.ValidHost = request.Host;
        response.OriginalRequest = request;
        return response;
    }

    private static ServerReflectionResponse File(FileDescriptor? file, string what) => file is null
        ? Error(StatusCode.NotFound, $"{what} is not known here")
        : new() { FileDescriptorResponse = new() { FileDescriptorProto = { DescriptorIndex.WithImports(file) } } };

    private static ServerReflectionResponse Error(StatusCode code, string message) =>
        new() { ErrorResponse = new() { ErrorCode = (int)code, ErrorMessage = message } };

    private ServerReflectionResponse Extensions(string message) => index.ExtensionsOf(message) is { } numbers
        ? new() { AllExtensionNumbersResponse = new() { BaseTypeName = message, ExtensionNumber = { numbers } } }
        : Error(StatusCode.NotFound, $"message '{message}' is not known here");

    private ServerReflectionResponse Services() =>
        new() { ListServicesResponse = new() { Service = { index.Services.Select(name => new ServiceResponse { Name = name }) } } };
}
