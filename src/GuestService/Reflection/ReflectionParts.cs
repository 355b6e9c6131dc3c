using Google.Rpc;
using Google.Protobuf.Reflection;
using Grpc.Reflection;
using ServiceDescriptor = Google.Protobuf.Reflection.ServiceDescriptor;

namespace CocoGuest.Service.Reflection;

/// <summary>
/// Reflection, v1 and v1alpha, from the package. The package would answer from the mapped services alone; here it also knows google.rpc:
/// error details travel as Any, no service imports their type, and clients ask for it; and the comments of our own files.
/// </summary>
internal static class ReflectionParts
{
    /// <summary>Adds both services.</summary>
    /// <param name="parts">The server's services.</param>
    /// <param name="served">The descriptors of the gRPC services that are mapped; reflection lists itself by itself.</param>
    internal static void AddCocoReflection(this IServiceCollection parts, params IEnumerable<ServiceDescriptor> served)
    {
        ServiceDescriptor[] all =
        [
            .. served, global::Grpc.Reflection.V1.ServerReflection.Descriptor, global::Grpc.Reflection.V1Alpha.ServerReflection.Descriptor,
        ];
        string[] names = [.. all.Select(service => service.FullName).Order(StringComparer.Ordinal)];
        Lazy<SymbolRegistry> files = new(() => SymbolRegistry.FromFiles(
            [
                .. Commented(all.Select(service => service.File)), StatusReflection.Descriptor, ErrorDetailsReflection.Descriptor,
            ]));
        parts.AddSingleton(_ => new ReflectionV1ServiceImpl(names, files.Value));
        parts.AddSingleton(_ => new ReflectionServiceImpl(names, files.Value));
        // Leaves what is there already, and checks that it is when the services are mapped.
        parts.AddGrpcReflection();
    }

    // Files by name: those with comments, and the others as they are.
    private static IEnumerable<FileDescriptor> Commented(IEnumerable<FileDescriptor> files)
    {
        IReadOnlyList<FileDescriptor> commented = CommentedFiles.Read();
        return commented.Concat(files.ExceptBy(commented.Select(file => file.Name), file => file.Name));
    }
}
