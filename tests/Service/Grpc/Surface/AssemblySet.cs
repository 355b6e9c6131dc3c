using System.Collections.Immutable;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;

namespace CocoGuest.Tests.Service.Grpc.Surface;

/// <summary>The referring assembly and the API assemblies, among which types are looked up.</summary>
internal sealed class AssemblySet
{
    private readonly Dictionary<string, (MetadataReader Reader, TypeDefinitionHandle Handle)> _apiTypes = new(StringComparer.Ordinal);

    internal AssemblySet(MetadataReader referrer, IEnumerable<MetadataReader> apis)
    {
        Referrer = referrer;
        foreach (MetadataReader api in apis)
        {
            foreach (TypeDefinitionHandle handle in api.TypeDefinitions)
            {
                _apiTypes[SignatureNames.NameOf(api, handle)] = (api, handle);
            }
        }
    }

    internal MetadataReader Referrer { get; }

    /// <summary>Finds what a handle in any of the assemblies stands for; null if it is no type of the assemblies at hand.</summary>
    internal TypeSite? Resolve(MetadataReader reader, EntityHandle handle, ImmutableArray<string> context)
    {
        switch (handle.Kind)
        {
            case HandleKind.TypeDefinition:
                return new TypeSite(reader, (TypeDefinitionHandle)handle, []);
            case HandleKind.TypeReference:
                return _apiTypes.TryGetValue(SignatureNames.NameOf(reader, (TypeReferenceHandle)handle), out (MetadataReader Reader, TypeDefinitionHandle Handle) found)
                    ? new TypeSite(found.Reader, found.Handle, [])
                    : null;
            case HandleKind.TypeSpecification:
                EntityHandle? generic = GenericTypeOf(reader, (TypeSpecificationHandle)handle, context, out ImmutableArray<string> arguments);
                return generic is { } type && Resolve(reader, type, context) is { } site ? site with { Arguments = arguments } : null;
            default:
                return null;
        }
    }

    /// <summary>The type and its bases, as far as they are in the assemblies at hand.</summary>
    internal IEnumerable<TypeSite> WithBases(TypeSite type)
    {
        for (TypeSite? site = type; site is { } current; site = BaseOf(current))
        {
            yield return current;
        }
    }

    /// <summary>Whether a handle in the referring assembly points into an API assembly, found there or not.</summary>
    internal bool PointsToApi(EntityHandle handle) => handle.Kind switch
    {
        HandleKind.TypeReference => SignatureNames.AssemblyOf(Referrer, (TypeReferenceHandle)handle) is { } name
            && SignatureNames.ApiAssemblies.Contains(name),
        HandleKind.TypeSpecification => GenericTypeOf(Referrer, (TypeSpecificationHandle)handle, [], out _) is { } type
            && PointsToApi(type),
        _ => false,
    };

    private static EntityHandle? GenericTypeOf(
        MetadataReader reader, TypeSpecificationHandle handle, ImmutableArray<string> context, out ImmutableArray<string> arguments)
    {
        arguments = [];
        BlobReader blob = reader.GetBlobReader(reader.GetTypeSpecification(handle).Signature);
        if (blob.ReadSignatureTypeCode() != SignatureTypeCode.GenericTypeInstance)
        {
            return null;
        }

        _ = blob.ReadByte();
        EntityHandle type = blob.ReadTypeHandle();
        var decoder = new SignatureDecoder<string, ImmutableArray<string>>(SignatureNames.Instance, reader, context);
        ImmutableArray<string>.Builder list = ImmutableArray.CreateBuilder<string>();
        for (int left = blob.ReadCompressedInteger(); left > 0; left--)
        {
            list.Add(decoder.DecodeType(ref blob));
        }

        arguments = list.ToImmutable();
        return type;
    }

    private TypeSite? BaseOf(TypeSite type) =>
        type.Definition.BaseType is { IsNil: false } handle ? Resolve(type.Reader, handle, type.Arguments) : null;
}
