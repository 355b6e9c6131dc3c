using System.Reflection;
using CocoGuest.Client;
using CocoGuest.V1;
using Grpc.Core;

namespace CocoGuest.Tests.Clients.Sdk;

/// <summary>A connection has a client for each service that the API has.</summary>
public sealed class CocoConnectionTests
{
    private static readonly PropertyInfo[] Properties = typeof(CocoConnection).GetProperties();

    public static TheoryData<string> Services => [.. typeof(GuestService).Assembly.GetTypes()
        .Where(type => type.Namespace == typeof(GuestService).Namespace && type.IsSubclassOf(typeof(ClientBase)))
        .Select(type => type.FullName!)];

    [Theory]
    [MemberData(nameof(Services))]
    public void Connection_ForAService_HasAClient(string type) =>
        Assert.Single(Properties, property => property.PropertyType.FullName == type);

    // RunService has nothing but a stream.
    public static TheoryData<string> Asked =>
        [.. Services.Select(row => row.Data).Where(type => !type.Contains("RunService", StringComparison.Ordinal))];

    [Theory]
    [MemberData(nameof(Asked))]
    public void Client_OfAnyService_SaysThatTheServerIsGone(string type)
    {
        using var connection = CocoConnection.Connect("unix:/nowhere/cocoguest.sock");
        object client = Properties.Single(property => property.PropertyType.FullName == type).GetValue(connection)!;
        MethodInfo unary = client.GetType().GetMethods().First(method =>
            !method.Name.EndsWith("Async", StringComparison.Ordinal) && method.GetParameters() is [_, { ParameterType: var second }]
            && second == typeof(CallOptions) && !method.ReturnType.IsGenericType);

        object request = Activator.CreateInstance(unary.GetParameters()[0].ParameterType)!;
        TargetInvocationException thrown = Assert.Throws<TargetInvocationException>(
            () => unary.Invoke(client, [request, default(CallOptions)]));
        Assert.IsType<ServerGoneException>(thrown.InnerException);
    }
}
