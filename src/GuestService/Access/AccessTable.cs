using CocoGuest.V1;
using Google.Protobuf.Reflection;
using ServiceDescriptor = Google.Protobuf.Reflection.ServiceDescriptor;

namespace CocoGuest.Service.Access;

/// <summary>
/// The right that each method of the server takes, by path, as the .proto files declare it with the option <c>cocoguest.v1.right</c>. It is
/// read once, at the start; who calls, and whether that suffices, is the gate's matter.
/// </summary>
internal sealed class AccessTable
{
    /// <summary>
    /// Methods of other packages, which cannot carry our option. They are open: whoever reaches the server may ask whether it serves, and
    /// what. By name, for their descriptors would be made at each start for nothing else.
    /// </summary>
    private static readonly string[] Open =
    [
        "/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch",
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    ];

    private readonly Dictionary<string, Right> _byPath;

    /// <summary>Reads the rights of our own services, and adds the services of others that are open.</summary>
    /// <param name="services">Services whose methods have to declare a right.</param>
    /// <exception cref="InvalidOperationException">A method declares none; the sentence names all such methods.</exception>
    public AccessTable(IEnumerable<ServiceDescriptor> services)
    {
        _byPath = services.SelectMany(s => s.Methods).ToDictionary(PathOf, Declared, StringComparer.Ordinal);
        string[] missing = [.. _byPath.Keys.Where(path => _byPath[path] == Right.Unspecified)];
        if (missing.Length > 0)
        {
            throw new InvalidOperationException($"No option (cocoguest.v1.right) in the .proto of: {string.Join(", ", missing)}.");
        }

        foreach (string path in Open)
        {
            _byPath.Add(path, Right.Own);
        }
    }

    /// <summary>Paths of all methods.</summary>
    public IEnumerable<string> Paths => _byPath.Keys;

    /// <summary>The right that the method at a path takes; <see cref="Right.Unspecified"/> where the table has no such method.</summary>
    public Right RightOf(string path) => _byPath.GetValueOrDefault(path);

    private static string PathOf(MethodDescriptor method) => $"/{method.Service.FullName}/{method.Name}";

    private static Right Declared(MethodDescriptor method) =>
        method.GetOptions()?.GetExtension(AccessExtensions.Right) ?? Right.Unspecified;
}
