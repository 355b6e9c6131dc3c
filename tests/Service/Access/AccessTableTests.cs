using System.Reflection;
using CocoGuest.Service.Access;
using CocoGuest.Service.Hosting;
using CocoGuest.Tests.Service.Hosting;
using CocoGuest.V1;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Grpc.AspNetCore.Server;
using Microsoft.AspNetCore.Routing;

namespace CocoGuest.Tests.Service.Access;

/// <summary>Each method of the API declares a right, each service is registered, and the server's table is what is mapped.</summary>
public sealed class AccessTableTests : ServerTest
{
    [Fact]
    public void Constructor_PlantedMethodWithoutRight_NamesIt()
    {
        ServiceDescriptor planted = Plant(("Declared", Right.Host), ("Forgotten", null), ("Empty", Right.Unspecified));
        InvalidOperationException e = Assert.Throws<InvalidOperationException>(() => new AccessTable([planted]));
        Assert.Contains("/planted.Planted/Forgotten, /planted.Planted/Empty.", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("Declared", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void RightOf_PlantedMethods_IsTheOption()
    {
        var table = new AccessTable([Plant(("Look", Right.Own), ("Break", Right.Host))]);
        Assert.Equal(
            (Right.Own, Right.Host, Right.Unspecified),
            (table.RightOf("/planted.Planted/Look"), table.RightOf("/planted.Planted/Break"), table.RightOf("/planted.Planted/Fly")));
    }

    [Fact]
    public void Constructor_AllServicesOfTheApi_EachMethodDeclaresARight()
    {
        var table = new AccessTable(Api());
        Assert.All(
            Api().SelectMany(s => s.Methods),
            m => Assert.NotEqual(Right.Unspecified, table.RightOf($"/{m.Service.FullName}/{m.Name}")));
    }

    [Fact]
    public void RpcServices_AgainstTheProtoFiles_HasALineForEachService() =>
        Assert.Equal(Api().Select(s => s.FullName).Order(), RpcServices.Descriptors.Select(s => s.FullName).Order());

    [Fact]
    public void Table_AgainstTheMappedServices_NamesEachMethodOnce()
    {
        IEnumerable<string> mapped = Host.Part<EndpointDataSource>().Endpoints
            .Select(e => e.Metadata.GetMetadata<GrpcMethodMetadata>())
            .OfType<GrpcMethodMetadata>()
            .Select(m => m.Method.FullName);
        Assert.Equal(mapped.Order(StringComparer.Ordinal), Host.Part<AccessTable>().Paths.Order(StringComparer.Ordinal));
    }

    /// <summary>Every service of the package, whether the server knows it or not.</summary>
    private static ServiceDescriptor[] Api() =>
    [
        .. typeof(AccessReflection).Assembly.GetTypes()
            .Select(t => t.GetProperty("Descriptor", BindingFlags.Public | BindingFlags.Static)?.GetValue(null))
            .OfType<FileDescriptor>()
            .Where(f => f.Package == "cocoguest.v1")
            .SelectMany(f => f.Services),
    ];

    /// <summary>A service as protoc would describe it.</summary>
    private static ServiceDescriptor Plant(params (string Name, Right? Right)[] methods)
    {
        var service = new ServiceDescriptorProto { Name = "Planted" };
        foreach ((string name, Right? right) in methods)
        {
            var method = new MethodDescriptorProto { Name = name, InputType = ".planted.Nothing", OutputType = ".planted.Nothing" };
            if (right is { } declared)
            {
                method.Options = new MethodOptions();
                method.Options.SetExtension(AccessExtensions.Right, declared);
            }

            service.Method.Add(method);
        }

        var file = new FileDescriptorProto
        {
            Name = "planted.proto",
            Package = "planted",
            Syntax = "proto3",
            MessageType = { new DescriptorProto { Name = "Nothing" } },
            Service = { service },
        };
        return FileDescriptor.BuildFromByteStrings([file.ToByteString()], [AccessExtensions.Right])[0].Services[0];
    }
}
