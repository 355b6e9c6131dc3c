using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using CocoGuest.Tests.Service.Grpc.Surface;
using Grpc.AspNetCore.Server;
using Grpc.Core;
using Grpc.Net.Client;
using Grpc.Net.Compression;

namespace CocoGuest.Tests.Service.Grpc;

/// <summary>The official server and client find in the two API assemblies whatever they were compiled against.</summary>
public sealed class GrpcSurfaceTests : IDisposable
{
    private readonly List<PEReader> _files = [];
    private readonly List<MetadataReader> _apis;

    public GrpcSurfaceTests() => _apis = [Open(typeof(Metadata).Assembly), Open(typeof(ICompressionProvider).Assembly)];

    public void Dispose() => _files.ForEach(file => file.Dispose());

    [Fact]
    public void Check_OfficialServer_FindsEveryReference()
    {
        SurfaceReport report = SurfaceChecker.Check(Open(typeof(GrpcServiceOptions).Assembly), _apis);

        Assert.Empty(report.Problems);
        Assert.True(report is { Types: >= 30, Members: >= 60, Overrides: >= 25, InterfaceMembers: >= 4 }, Show(report));
    }

    [Fact]
    public void Check_OfficialClient_FindsEveryReference()
    {
        SurfaceReport report = SurfaceChecker.Check(Open(typeof(GrpcChannel).Assembly), _apis);

        Assert.Empty(report.Problems);
        Assert.True(report is { Types: >= 35, Members: >= 60, Overrides: >= 15, InterfaceMembers: >= 10 }, Show(report));
    }

    [Fact]
    public void Check_ReferencesThatExist_FindsNothingWrong()
    {
        var planted = new PlantedReferrer();
        TypeReferenceHandle status = planted.Type("Status");
        TypeReferenceHandle metadata = planted.Type("Metadata");
        planted.Field(metadata, "Empty", t => t.Type(metadata, isValueType: false))
            .Field(status, "DefaultSuccess", t => t.Type(status, isValueType: true))
            .Method(metadata, "GetValue", r => r.Type().String(), p => p.String())
            .Method(planted.Type("RpcException"), "get_Status", r => r.Type().Type(status, isValueType: true))
            .Derived(planted.Type("ChannelBase"), "CreateCallInvoker", r => r.Type().Type(planted.Type("CallInvoker"), isValueType: false));

        SurfaceReport report = Check(planted);

        Assert.Empty(report.Problems);
        Assert.Equal(4, report.Members);
    }

    [Fact]
    public void Check_TypeThatDoesNotExist_IsReported()
    {
        var planted = new PlantedReferrer();
        planted.Type("NoSuchType");

        Assert.Equal("Planted: type [Grpc.Core.Api]Grpc.Core.NoSuchType is missing", Assert.Single(Check(planted).Problems));
    }

    [Fact]
    public void Check_MethodThatDoesNotExist_IsReported()
    {
        var planted = new PlantedReferrer();
        planted.Method(planted.Type("Metadata"), "NoSuchMethod", r => r.Void());

        Assert.Contains("NoSuchMethod", Assert.Single(Check(planted).Problems), StringComparison.Ordinal);
    }

    [Fact]
    public void Check_MethodWithAnotherParameter_IsReported()
    {
        var planted = new PlantedReferrer();
        planted.Method(planted.Type("Metadata"), "GetValue", r => r.Type().String(), p => p.Int32());

        Assert.Contains("GetValue(Int32)", Assert.Single(Check(planted).Problems), StringComparison.Ordinal);
    }

    [Fact]
    public void Check_ClassWhereAValueTypeIs_IsReported()
    {
        var planted = new PlantedReferrer();
        planted.Method(planted.Type("RpcException"), "get_Status", r => r.Type().Type(planted.Type("Status"), isValueType: false));

        Assert.Contains("get_Status", Assert.Single(Check(planted).Problems), StringComparison.Ordinal);
    }

    [Fact]
    public void Check_PropertyWhereAFieldIs_IsReported()
    {
        var planted = new PlantedReferrer();
        TypeReferenceHandle metadata = planted.Type("Metadata");
        planted.Method(metadata, "get_Empty", r => r.Type().Type(metadata, isValueType: false));

        Assert.Contains("get_Empty", Assert.Single(Check(planted).Problems), StringComparison.Ordinal);
    }

    [Fact]
    public void Check_FieldWhereAPropertyIs_IsReported()
    {
        var planted = new PlantedReferrer();
        planted.Field(planted.Type("RpcException"), "Trailers", t => t.Type(planted.Type("Metadata"), isValueType: false));

        Assert.Contains("Trailers", Assert.Single(Check(planted).Problems), StringComparison.Ordinal);
    }

    [Fact]
    public void Check_InternalMethod_IsReported()
    {
        var planted = new PlantedReferrer();
        TypeReferenceHandle configuration = planted.Type("ClientBase", "ClientBaseConfiguration");
        planted.Method(planted.Type("ClientBase"), "get_Configuration", r => r.Type().Type(configuration, isValueType: false));

        Assert.Contains("get_Configuration", Assert.Single(Check(planted).Problems), StringComparison.Ordinal);
    }

    [Fact]
    public void Check_OverrideOfNothing_IsReported()
    {
        var planted = new PlantedReferrer();
        planted.Derived(planted.Type("ServiceBinderBase"), "NoSuchSlot", r => r.Void());

        Assert.Contains("overrides Void NoSuchSlot()", Assert.Single(Check(planted).Problems), StringComparison.Ordinal);
    }

    [Fact]
    public void Check_AbstractMemberLeftOpen_IsReported()
    {
        var planted = new PlantedReferrer();
        planted.Derived(planted.Type("ChannelBase"), "ToString", r => r.Type().String());

        Assert.Contains("leaves abstract", Assert.Single(Check(planted).Problems), StringComparison.Ordinal);
    }

    [Fact]
    public void Check_InterfaceMemberLeftOpen_IsReported()
    {
        var planted = new PlantedReferrer();
        planted.Implementing(planted.Type("IMethod"));

        Assert.Equal(4, Check(planted).Problems.Count(p => p.Contains("does not implement", StringComparison.Ordinal)));
    }

    private SurfaceReport Check(PlantedReferrer planted)
    {
        using MetadataReaderProvider provider = planted.Build();
        return SurfaceChecker.Check(provider.GetMetadataReader(), _apis);
    }

    private MetadataReader Open(Assembly assembly)
    {
        var file = new PEReader(File.OpenRead(assembly.Location));
        _files.Add(file);
        return file.GetMetadataReader();
    }

    private static string Show(SurfaceReport report) =>
        $"{report.Types} types, {report.Members} members, {report.Overrides} overrides, {report.InterfaceMembers} interface members";
}
