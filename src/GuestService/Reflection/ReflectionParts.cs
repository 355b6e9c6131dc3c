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
    /// <param name="served">
    /// The descriptors of the gRPC services that are mapped, asked for at the first question; reflection lists itself by itself.
    /// </param>
    internal static void AddCocoReflection(this IServiceCollection parts, Func<IEnumerable<ServiceDescriptor>> served)
    {
        Lazy<ServiceDescriptor[]> all = new(() =>
        [
            .. served(),
            global::Grpc.Reflection.V1.ServerReflection.Descriptor,
            global::Grpc.Reflection.V1Alpha.ServerReflection.Descriptor,
        ]);
        Lazy<string[]> names = new(() => [.. all.Value.Select(service => service.FullName).Order(StringComparer.Ordinal)]);
        Lazy<SymbolRegistry> files = new(() => SymbolRegistry.FromFiles(
            [
                .. Commented(all.Value.Select(service => service.File)), StatusReflection.Descriptor, ErrorDetailsReflection.Descriptor,
            ]));
        parts.AddSingleton(_ => new ReflectionV1ServiceImpl(names.Value, files.Value));
        parts.AddSingleton(_ => new ReflectionServiceImpl(names.Value, files.Value));
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
