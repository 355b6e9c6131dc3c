using System.Collections.Immutable;
using System.Globalization;
using System.Reflection.Metadata;

namespace CocoGuest.Tests.Service.Grpc.Surface;

/// <summary>
/// Spells types so that references and definitions of the same type in different assemblies come out alike. The two API assemblies are part
/// of a name; the framework's are not, since its types move between facades. Class or value type is part of it: the run time compares that.
/// </summary>
internal sealed class SignatureNames : ISignatureTypeProvider<string, ImmutableArray<string>>
{
    internal static readonly SignatureNames Instance = new();

    internal static readonly ImmutableArray<string> ApiAssemblies = ["Grpc.Core.Api", "Grpc.Net.Common"];

    internal static string Spell(string name, MethodSignature<string> signature) =>
        $"{(signature.Header.IsInstance ? "" : "static ")}{signature.ReturnType} {name}"
        + (signature.GenericParameterCount > 0 ? $"<{signature.GenericParameterCount}>" : "")
        + $"({string.Join(", ", signature.ParameterTypes)})";

    /// <summary>The assembly that a reference points to, through any nesting; null for types of the referring assembly itself.</summary>
    internal static string? AssemblyOf(MetadataReader reader, TypeReferenceHandle handle)
    {
        EntityHandle scope = reader.GetTypeReference(handle).ResolutionScope;
        return scope.Kind switch
        {
            HandleKind.TypeReference => AssemblyOf(reader, (TypeReferenceHandle)scope),
            HandleKind.AssemblyReference => reader.GetString(reader.GetAssemblyReference((AssemblyReferenceHandle)scope).Name),
            _ => null,
        };
    }

    internal static string NameOf(MetadataReader reader, TypeReferenceHandle handle)
    {
        TypeReference type = reader.GetTypeReference(handle);
        string name = reader.GetString(type.Name);
        return type.ResolutionScope.Kind == HandleKind.TypeReference
            ? $"{NameOf(reader, (TypeReferenceHandle)type.ResolutionScope)}/{name}"
            : Qualified(AssemblyOf(reader, handle), reader.GetString(type.Namespace), name);
    }

    internal static string NameOf(MetadataReader reader, TypeDefinitionHandle handle)
    {
        TypeDefinition type = reader.GetTypeDefinition(handle);
        string name = reader.GetString(type.Name);
        return type.IsNested
            ? $"{NameOf(reader, type.GetDeclaringType())}/{name}"
            : Qualified(reader.GetString(reader.GetAssemblyDefinition().Name), reader.GetString(type.Namespace), name);
    }

    public string GetTypeFromDefinition(MetadataReader reader, TypeDefinitionHandle handle, byte rawTypeKind) =>
        Kind(rawTypeKind) + NameOf(reader, handle);

    public string GetTypeFromReference(MetadataReader reader, TypeReferenceHandle handle, byte rawTypeKind) =>
        Kind(rawTypeKind) + NameOf(reader, handle);

    public string GetTypeFromSpecification(
        MetadataReader reader, ImmutableArray<string> genericContext, TypeSpecificationHandle handle, byte rawTypeKind) =>
        reader.GetTypeSpecification(handle).DecodeSignature(this, genericContext);

    public string GetGenericTypeParameter(ImmutableArray<string> genericContext, int index) =>
        genericContext.IsDefaultOrEmpty ? string.Create(CultureInfo.InvariantCulture, $"!{index}") : genericContext[index];

    public string GetGenericMethodParameter(ImmutableArray<string> genericContext, int index) =>
        string.Create(CultureInfo.InvariantCulture, $"!!{index}");

    public string GetGenericInstantiation(string genericType, ImmutableArray<string> typeArguments) =>
        $"{genericType}<{string.Join(", ", typeArguments)}>";

    public string GetPrimitiveType(PrimitiveTypeCode typeCode) => typeCode.ToString();

    public string GetArrayType(string elementType, ArrayShape shape) => $"{elementType}[rank {shape.Rank}]";

    public string GetSZArrayType(string elementType) => $"{elementType}[]";

    public string GetByReferenceType(string elementType) => $"{elementType}&";

    public string GetPointerType(string elementType) => $"{elementType}*";

    public string GetPinnedType(string elementType) => elementType;

    public string GetModifiedType(string modifier, string unmodifiedType, bool isRequired) =>
        $"{unmodifiedType} {(isRequired ? "modreq" : "modopt")}({modifier})";

    public string GetFunctionPointerType(MethodSignature<string> signature) => Spell("*", signature);

    private static string Kind(byte rawTypeKind) => rawTypeKind == (byte)SignatureTypeKind.ValueType ? "value " : "";

    private static string Qualified(string? assembly, string @namespace, string name) =>
        (assembly is not null && ApiAssemblies.Contains(assembly) ? $"[{assembly}]" : "") + $"{@namespace}.{name}";
}
