using System.Collections.Immutable;
using System.Reflection;
using System.Reflection.Metadata;

namespace CocoGuest.Tests.Service.Grpc.Surface;

/// <summary>
/// Checks that whatever an assembly takes from the API assemblies is there as it was when that assembly was compiled: types, fields and
/// methods with their signatures and visibility, virtual methods that it overrides, abstract ones that it has to override, and interfaces.
/// Does not check: values of enumerations and default arguments, which a reference does not carry.
/// </summary>
internal sealed class SurfaceChecker
{
    private static readonly HashSet<string> ObjectMethods = ["ToString", "Equals", "GetHashCode", "Finalize"];

    private readonly AssemblySet _set;
    private readonly string _referrerName;
    private readonly SurfaceReport _report = new();

    private SurfaceChecker(AssemblySet set)
    {
        _set = set;
        _referrerName = set.Referrer.GetString(set.Referrer.GetAssemblyDefinition().Name);
    }

    internal static SurfaceReport Check(MetadataReader referrer, IEnumerable<MetadataReader> apis)
    {
        var checker = new SurfaceChecker(new AssemblySet(referrer, apis));
        checker.CheckTypes();
        checker.CheckMembers();
        checker.CheckDerivedTypes();
        return checker._report;
    }

    private MetadataReader Referrer => _set.Referrer;

    private void CheckTypes()
    {
        foreach (TypeReferenceHandle handle in Referrer.TypeReferences.Where(h => _set.PointsToApi(h)))
        {
            _report.Types++;
            if (_set.Resolve(Referrer, handle, []) is not { } type)
            {
                Problem($"type {SignatureNames.NameOf(Referrer, handle)} is missing");
            }
            else if (!IsVisible(type))
            {
                Problem($"type {type.Name} is not visible");
            }
        }
    }

    private void CheckMembers()
    {
        foreach (MemberReference member in Referrer.MemberReferences.Select(Referrer.GetMemberReference).Where(m => _set.PointsToApi(m.Parent)))
        {
            _report.Members++;
            if (_set.Resolve(Referrer, member.Parent, []) is { } type)
            {
                CheckMember(member, type with { Arguments = [] });
            }
        }
    }

    private void CheckMember(MemberReference member, TypeSite type)
    {
        string name = Referrer.GetString(member.Name);
        if (member.GetKind() == MemberReferenceKind.Field)
        {
            string wanted = $"{member.DecodeFieldSignature(SignatureNames.Instance, [])} {name}";
            FieldAttributes? field = type.Definition.GetFields().Select(type.Reader.GetFieldDefinition)
                .Where(f => $"{f.DecodeSignature(SignatureNames.Instance, [])} {type.Reader.GetString(f.Name)}" == wanted)
                .Select(f => (FieldAttributes?)f.Attributes).FirstOrDefault();
            Require(field is { } attributes && IsVisible((MethodAttributes)attributes), $"field {type.Name}: {wanted}");
            return;
        }

        string method = SignatureNames.Spell(name, member.DecodeMethodSignature(SignatureNames.Instance, []));
        Require(
            _set.WithBases(type).Any(site => site.Methods.Any(m => site.Spell(m) == method && IsVisible(m.Attributes))),
            $"method {type.Name}: {method}");
    }

    private void CheckDerivedTypes()
    {
        foreach (TypeDefinitionHandle handle in Referrer.TypeDefinitions)
        {
            var type = new TypeSite(Referrer, handle, []);
            var chain = _set.WithBases(type).ToList();
            if (chain.Exists(site => site.Reader != Referrer))
            {
                CheckOverrides(type, chain);
                CheckAbstractMembers(type, chain);
            }

            foreach (InterfaceImplementationHandle implemented in type.Definition.GetInterfaceImplementations())
            {
                EntityHandle @interface = Referrer.GetInterfaceImplementation(implemented).Interface;
                if (_set.PointsToApi(@interface) && _set.Resolve(Referrer, @interface, []) is { } site)
                {
                    CheckInterface(type, chain, site);
                }
            }
        }
    }

    private void CheckOverrides(TypeSite type, List<TypeSite> chain)
    {
        foreach (MethodDefinition method in type.Methods.Where(m => IsVirtual(m) && (m.Attributes & MethodAttributes.NewSlot) == 0))
        {
            string spelled = type.Spell(method);
            if (ObjectMethods.Contains(Referrer.GetString(method.Name)))
            {
                continue;
            }

            _report.Overrides++;
            Require(
                chain.Skip(1).Any(site => site.Methods.Any(m =>
                    IsVirtual(m) && !IsFinal(m) && site.Spell(m) == spelled && SameConstraints(site, m, type, method))),
                $"{type.Name} overrides {spelled}, which no base has");
        }
    }

    private void CheckAbstractMembers(TypeSite type, List<TypeSite> chain)
    {
        if ((type.Definition.Attributes & TypeAttributes.Abstract) != 0)
        {
            return;
        }

        for (int i = 0; i < chain.Count; i++)
        {
            foreach (MethodDefinition method in chain[i].Methods.Where(m => (m.Attributes & MethodAttributes.Abstract) != 0))
            {
                string spelled = chain[i].Spell(method);
                Require(
                    chain.Take(i).Any(site => site.Methods.Any(m => IsVirtual(m) && site.Spell(m) == spelled)),
                    $"{type.Name} leaves abstract {chain[i].Name}: {spelled}");
            }
        }
    }

    private void CheckInterface(TypeSite type, List<TypeSite> chain, TypeSite @interface)
    {
        foreach (MethodDefinition method in @interface.Methods.Where(m => (m.Attributes & MethodAttributes.Abstract) != 0))
        {
            _report.InterfaceMembers++;
            string spelled = @interface.Spell(method);
            Require(
                chain.Exists(site => site.Methods.Any(m => IsVirtual(m) && site.Spell(m) == spelled))
                    || ExplicitOnes(type).Contains(spelled),
                $"{type.Name} does not implement {@interface.Name}: {spelled}");
        }
    }

    private IEnumerable<string> ExplicitOnes(TypeSite type) =>
        from handle in type.Definition.GetMethodImplementations()
        let declaration = Referrer.GetMethodImplementation(handle).MethodDeclaration
        where declaration.Kind == HandleKind.MemberReference
        let member = Referrer.GetMemberReference((MemberReferenceHandle)declaration)
        let site = _set.Resolve(Referrer, member.Parent, [])
        where site is not null
        select SignatureNames.Spell(
            Referrer.GetString(member.Name), member.DecodeMethodSignature(SignatureNames.Instance, site.Value.Arguments));

    private static bool SameConstraints(TypeSite a, MethodDefinition m, TypeSite b, MethodDefinition n) =>
        Constraints(a.Reader, m).SequenceEqual(Constraints(b.Reader, n));

    private static IEnumerable<GenericParameterAttributes> Constraints(MetadataReader reader, MethodDefinition method) =>
        from handle in method.GetGenericParameters()
        select reader.GetGenericParameter(handle).Attributes & GenericParameterAttributes.SpecialConstraintMask;

    private static bool IsVirtual(MethodDefinition method) => (method.Attributes & MethodAttributes.Virtual) != 0;

    private static bool IsFinal(MethodDefinition method) => (method.Attributes & MethodAttributes.Final) != 0;

    private static bool IsVisible(MethodAttributes attributes) => (attributes & MethodAttributes.MemberAccessMask)
        is MethodAttributes.Public or MethodAttributes.Family or MethodAttributes.FamORAssem;

    private static bool IsVisible(TypeSite type) => (type.Definition.Attributes & TypeAttributes.VisibilityMask)
        is TypeAttributes.Public or TypeAttributes.NestedPublic or TypeAttributes.NestedFamily or TypeAttributes.NestedFamORAssem;

    private void Require(bool condition, string what)
    {
        if (!condition)
        {
            Problem(what);
        }
    }

    private void Problem(string what) => _report.Problems.Add($"{_referrerName}: {what}");
}
