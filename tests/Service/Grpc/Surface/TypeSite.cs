using System.Collections.Immutable;
using System.Reflection.Metadata;

namespace CocoGuest.Tests.Service.Grpc.Surface;

/// <summary>A type's definition in one of the assemblies at hand, with the arguments in its place if it is generic.</summary>
internal readonly record struct TypeSite(MetadataReader Reader, TypeDefinitionHandle Handle, ImmutableArray<string> Arguments)
{
    internal TypeDefinition Definition => Reader.GetTypeDefinition(Handle);

    internal string Name => SignatureNames.NameOf(Reader, Handle);

    /// <summary>Spells a method's signature with this type's arguments put in, so that equal spellings are equal signatures.</summary>
    internal string Spell(MethodDefinition method) =>
        SignatureNames.Spell(Reader.GetString(method.Name), method.DecodeSignature(SignatureNames.Instance, Arguments));

    internal IEnumerable<MethodDefinition> Methods => Definition.GetMethods().Select(Reader.GetMethodDefinition);
}
