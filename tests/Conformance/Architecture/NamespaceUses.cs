using Mono.Cecil;
using Mono.Cecil.Cil;

namespace CocoGuest.Tests.Conformance.Architecture;

/// <summary>
/// Who names whom in an assembly: base types, interfaces, attributes, fields, parameters, locals and the bodies of methods.
/// Does not see: constants, which the compiler copies, and comments.
/// </summary>
public static class NamespaceUses
{
    /// <summary>The uses of types of the assembly itself across its namespaces.</summary>
    /// <param name="path">The assembly's file.</param>
    public static IReadOnlyList<NamespaceUse> Of(string path)
    {
        using var assembly = AssemblyDefinition.ReadAssembly(path);
        var uses = new HashSet<NamespaceUse>();
        foreach (TypeDefinition type in assembly.MainModule.GetTypes())
        {
            foreach ((string where, TypeReference named) in NamedBy(type))
            {
                Add(uses, type, where, named);
            }
        }

        return [.. uses.OrderBy(u => (u.From, u.To, u.Where))];
    }

    private static IEnumerable<(string Where, TypeReference Named)> NamedBy(TypeDefinition type)
    {
        string name = type.FullName;
        if (type.BaseType is { } parent)
        {
            yield return (name, parent);
        }

        foreach (TypeReference named in type.Interfaces.Select(i => i.InterfaceType)
            .Concat(type.GenericParameters.SelectMany(p => p.Constraints).Select(c => c.ConstraintType))
            .Concat(type.CustomAttributes.Select(a => a.AttributeType)).Concat(type.Fields.Select(f => f.FieldType)))
        {
            yield return (name, named);
        }

        foreach (MethodDefinition method in type.Methods)
        {
            foreach (TypeReference named in NamedBy(method))
            {
                yield return ($"{name}.{method.Name}", named);
            }
        }
    }

    private static IEnumerable<TypeReference> NamedBy(MethodDefinition method)
    {
        IEnumerable<TypeReference> signature = method.Parameters.Select(p => p.ParameterType).Append(method.ReturnType)
            .Concat(method.GenericParameters.SelectMany(p => p.Constraints).Select(c => c.ConstraintType));
        return method.HasBody
            ? signature.Concat(method.Body.Variables.Select(v => v.VariableType)).Concat(method.Body.Instructions.SelectMany(NamedBy))
            : signature;
    }

    private static IEnumerable<TypeReference> NamedBy(Instruction instruction) => instruction.Operand switch
    {
        TypeReference type => [type],
        GenericInstanceMethod made => [.. NamedBy(made.ElementMethod), .. made.GenericArguments],
        MethodReference method => NamedBy(method),
        FieldReference field => [field.DeclaringType, field.FieldType],
        _ => [],
    };

    private static TypeReference[] NamedBy(MethodReference method) =>
        [method.DeclaringType, method.ReturnType, .. method.Parameters.Select(p => p.ParameterType)];

    private static void Add(HashSet<NamespaceUse> uses, TypeDefinition from, string where, TypeReference named)
    {
        if (named is GenericInstanceType made)
        {
            foreach (TypeReference argument in made.GenericArguments)
            {
                Add(uses, from, where, argument);
            }
        }

        TypeReference element = named.GetElementType();
        string to = NamespaceOf(element);
        if (to.Length != 0 && element.Scope == from.Module && to != NamespaceOf(from))
        {
            uses.Add(new NamespaceUse(NamespaceOf(from), to, where, element.FullName));
        }
    }

    // A nested type is in the namespace of the type around it.
    private static string NamespaceOf(TypeReference type) => type.DeclaringType is { } outer ? NamespaceOf(outer) : type.Namespace;
}
