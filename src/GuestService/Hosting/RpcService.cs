using ServiceDescriptor = Google.Protobuf.Reflection.ServiceDescriptor;

namespace CocoGuest.Service.Hosting;

/// <summary>A gRPC service of the API together with the type that carries its calls out.</summary>
/// <param name="Descriptor">
/// The service as its .proto file describes it: access, reflection and health go by it. Asked for, because it is dear to make.
/// </param>
/// <param name="Add">Adds the type to the server's parts: one instance for all calls.</param>
/// <param name="Map">Maps the service's methods to the type's.</param>
internal sealed record RpcService(Func<ServiceDescriptor> Descriptor, Action<IServiceCollection> Add, Action<IEndpointRouteBuilder> Map)
{
    /// <summary>A service that <typeparamref name="TCalls"/> carries out.</summary>
    public static RpcService Of<TCalls>(Func<ServiceDescriptor> descriptor)
        where TCalls : class => new(descriptor, parts => parts.AddSingleton<TCalls>(), app => app.MapGrpcService<TCalls>());
}
