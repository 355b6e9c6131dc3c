using System.Reflection;
using Google.Protobuf.Reflection;
using Grpc.AspNetCore.Server;
using Grpc.Core;
using Microsoft.AspNetCore.Routing;

namespace CocoGuest.Tests.Service.Fuzz;

/// <summary>
/// A method that the server maps, with the descriptors of its messages: a new method is found here without a word of code.
/// </summary>
/// <param name="Service">Full name of its service.</param>
/// <param name="Name">Its name.</param>
/// <param name="Type">Unary or which streams.</param>
/// <param name="Request">Descriptor of the request.</param>
/// <param name="Response">Descriptor of the response.</param>
internal sealed record FuzzMethod(string Service, string Name, MethodType Type, MessageDescriptor Request, MessageDescriptor Response)
{
    private static readonly Marshaller<byte[]> Bytes = Marshallers.Create(static b => b, static b => b);

    /// <summary>The method, with messages as bytes.</summary>
    public Method<byte[], byte[]> Raw { get; } = new(Type, Service, Name, Bytes, Bytes);

    /// <summary>All methods of a server.</summary>
    public static IReadOnlyList<FuzzMethod> AllOf(EndpointDataSource endpoints) =>
    [
        .. endpoints.Endpoints
            .Select(e => e.Metadata.GetMetadata<GrpcMethodMetadata>()?.Method)
            .OfType<IMethod>()
            .OrderBy(m => m.FullName, StringComparer.Ordinal)
            .Select(m => new FuzzMethod(m.ServiceName, m.Name, m.Type, DescriptorOf(m, 0), DescriptorOf(m, 1))),
    ];

    private static MessageDescriptor DescriptorOf(IMethod method, int argument) =>
        (MessageDescriptor)method.GetType().GetGenericArguments()[argument]
            .GetProperty("Descriptor", BindingFlags.Public | BindingFlags.Static)!.GetValue(null)!;
}
