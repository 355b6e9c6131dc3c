using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;

namespace CocoGuest.Tests.Service.Grpc.Surface;

/// <summary>An assembly of nothing but metadata, for references to <c>Grpc.Core.Api</c> that are right or wrong on purpose.</summary>
internal sealed class PlantedReferrer
{
    private readonly MetadataBuilder _metadata = new();
    private readonly AssemblyReferenceHandle _api;
    private readonly TypeReferenceHandle _object;

    internal PlantedReferrer()
    {
        _ = _metadata.AddModule(0, _metadata.GetOrAddString("Planted.dll"), default, default, default);
        _ = _metadata.AddAssembly(_metadata.GetOrAddString("Planted"), new Version(1, 0), default, default, 0, AssemblyHashAlgorithm.None);
        _ = _metadata.AddTypeDefinition(
            0,
            default,
            _metadata.GetOrAddString("<Module>"),
            default,
            MetadataTokens.FieldDefinitionHandle(1),
            MetadataTokens.MethodDefinitionHandle(1));
        _api = Reference("Grpc.Core.Api");
        _object = _metadata.AddTypeReference(
            Reference("System.Runtime"), _metadata.GetOrAddString("System"), _metadata.GetOrAddString("Object"));
    }

    internal TypeReferenceHandle Type(string name) =>
        _metadata.AddTypeReference(_api, _metadata.GetOrAddString("Grpc.Core"), _metadata.GetOrAddString(name));

    /// <summary>Refers to a nested type.</summary>
    internal TypeReferenceHandle Type(string outer, string name) =>
        _metadata.AddTypeReference(Type(outer), default, _metadata.GetOrAddString(name));

    internal PlantedReferrer Field(TypeReferenceHandle type, string name, Action<SignatureTypeEncoder> fieldType)
    {
        var blob = new BlobBuilder();
        fieldType(new BlobEncoder(blob).Field().Type());
        _ = _metadata.AddMemberReference(type, _metadata.GetOrAddString(name), _metadata.GetOrAddBlob(blob));
        return this;
    }

    /// <summary>Refers to a method without type parameters that takes what <paramref name="parameters"/> says.</summary>
    internal PlantedReferrer Method(
        TypeReferenceHandle type, string name, Action<ReturnTypeEncoder> returns, params Action<SignatureTypeEncoder>[] parameters)
    {
        _ = _metadata.AddMemberReference(type, _metadata.GetOrAddString(name), Signature(returns, parameters));
        return this;
    }

    /// <summary>Defines a class that derives from an API type and overrides one method without parameters.</summary>
    internal PlantedReferrer Derived(TypeReferenceHandle baseType, string overridden, Action<ReturnTypeEncoder> returns)
    {
        MethodDefinitionHandle method = _metadata.AddMethodDefinition(
            MethodAttributes.Public | MethodAttributes.Virtual | MethodAttributes.HideBySig,
            MethodImplAttributes.IL,
            _metadata.GetOrAddString(overridden),
            Signature(returns),
            -1,
            default);
        _ = _metadata.AddTypeDefinition(
            TypeAttributes.Class, default, _metadata.GetOrAddString("Derived"), baseType, MetadataTokens.FieldDefinitionHandle(1), method);
        return this;
    }

    /// <summary>Defines a class without members that says it implements an API interface.</summary>
    internal PlantedReferrer Implementing(TypeReferenceHandle @interface)
    {
        TypeDefinitionHandle type = _metadata.AddTypeDefinition(
            TypeAttributes.Class,
            default,
            _metadata.GetOrAddString("Implementing"),
            _object,
            MetadataTokens.FieldDefinitionHandle(1),
            MetadataTokens.MethodDefinitionHandle(1));
        _ = _metadata.AddInterfaceImplementation(type, @interface);
        return this;
    }

    internal MetadataReaderProvider Build()
    {
        var blob = new BlobBuilder();
        new MetadataRootBuilder(_metadata).Serialize(blob, 0, 0);
        return MetadataReaderProvider.FromMetadataImage(blob.ToImmutableArray());
    }

    private AssemblyReferenceHandle Reference(string name) =>
        _metadata.AddAssemblyReference(_metadata.GetOrAddString(name), new Version(2, 0, 0, 0), default, default, 0, default);

    private BlobHandle Signature(Action<ReturnTypeEncoder> returns, params Action<SignatureTypeEncoder>[] parameters)
    {
        var blob = new BlobBuilder();
        new BlobEncoder(blob).MethodSignature(isInstanceMethod: true).Parameters(
            parameters.Length,
            returns,
            encoder =>
            {
                foreach (Action<SignatureTypeEncoder> parameter in parameters)
                {
                    parameter(encoder.AddParameter().Type());
                }
            });
        return _metadata.GetOrAddBlob(blob);
    }
}
