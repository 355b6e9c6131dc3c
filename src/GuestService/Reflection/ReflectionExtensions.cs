using Google.Rpc;
using Grpc.Reflection.V1;
using Alpha = Grpc.Reflection.V1Alpha;
using ServiceDescriptor = Google.Protobuf.Reflection.ServiceDescriptor;

namespace CocoGuest.Service.Reflection;

/// <summary>Puts server reflection into a server.</summary>
internal static class ReflectionExtensions
{
    /// <summary>Adds what reflection answers from.</summary>
    /// <param name="services">The server's services.</param>
    /// <param name="served">The descriptors of the gRPC services that are mapped; reflection lists itself by itself.</param>
    internal static IServiceCollection AddCocoReflection(this IServiceCollection services, params IEnumerable<ServiceDescriptor> served) =>
        services.AddSingleton(new ReflectionAnswers(new DescriptorIndex(
            [.. served, ServerReflection.Descriptor, Alpha.ServerReflection.Descriptor],
            [ErrorDetailsReflection.Descriptor])));

    /// <summary>Maps reflection, v1 and v1alpha.</summary>
    internal static void MapCocoReflection(this IEndpointRouteBuilder endpoints)
    {
        _ = endpoints.MapGrpcService<ReflectionService>();
        _ = endpoints.MapGrpcService<ReflectionAlphaService>();
    }
}
