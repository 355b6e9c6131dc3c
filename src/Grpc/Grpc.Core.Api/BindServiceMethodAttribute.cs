using System.Diagnostics.CodeAnalysis;

namespace Grpc.Core;

/// <summary>On the base of a service: names the generated method that binds it.</summary>
[AttributeUsage(AttributeTargets.Class, AllowMultiple = false, Inherited = true)]
public class BindServiceMethodAttribute : Attribute
{
    private const DynamicallyAccessedMemberTypes StaticMethods =
        DynamicallyAccessedMemberTypes.PublicMethods | DynamicallyAccessedMemberTypes.NonPublicMethods;

    /// <summary>Makes the attribute.</summary>
    /// <param name="bindType">The type that has the method.</param>
    /// <param name="bindMethodName">The name of the static method; it takes a <see cref="ServiceBinderBase"/> and the service.</param>
    public BindServiceMethodAttribute([DynamicallyAccessedMembers(StaticMethods)] Type bindType, string bindMethodName)
    {
        BindType = bindType;
        BindMethodName = bindMethodName;
    }

    /// <summary>The type that has the method.</summary>
    [DynamicallyAccessedMembers(StaticMethods)]
    public Type BindType { get; }

    /// <summary>The name of the method.</summary>
    public string BindMethodName { get; }
}
