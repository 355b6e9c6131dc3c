using CocoGuest.Service.Budgets;
using CocoGuest.Service.Hosting;
using Google.Protobuf.Reflection;

namespace CocoGuest.Tests.Service.Budgets;

/// <summary>Each method is of a kind that its request and its answer allow.</summary>
public sealed class CallKindsTests
{
    /// <summary>Messages that have lists or bytes and stay short all the same.</summary>
    private static readonly Dictionary<string, string> Short = new()
    {
        ["ListHeaps"] = "a guest has a handful of heaps",
    };

    /// <summary>Unary calls that wait for others.</summary>
    private static readonly string[] Waits = ["PollBuffer", "Ioctl", "MapDmaBuf", "SyncBuffer", "MigrateBuffer"];

    private static IEnumerable<MethodDescriptor> Unary => All.Where(m => !m.IsClientStreaming && !m.IsServerStreaming);

    private static IEnumerable<MethodDescriptor> All => RpcServices.Descriptors.SelectMany(s => s.Methods);

    [Fact]
    public void Streams_OfEveryService_NeedNoTurn() => Assert.All(
        All.Where(m => m.IsClientStreaming || m.IsServerStreaming), m => Assert.Equal(CallKind.Waiting, CallKinds.Of(PathOf(m))));

    [Fact]
    public void UnaryCalls_ThatWait_AreThese() => Assert.Equal(
        Waits.Order(),
        Unary.Where(m => CallKinds.Of(PathOf(m)) == CallKind.Waiting).Select(m => m.Name).Order());

    [Fact]
    public void UnaryCalls_WithListsOrBytesInTheirRequest_AreReadAtOnce() => Assert.Equal(
        Unary.Where(m => Grows(m.InputType, [])).Select(m => m.FullName).Order(),
        Unary.Where(m => CallKinds.Of(PathOf(m)) == CallKind.Upload || (m.Name == "Ioctl" && Grows(m.InputType, [])))
            .Select(m => m.FullName).Order());

    [Fact]
    public void UnaryCalls_WithListsOrBytesInTheirAnswer_NeedRoomForIt() => Assert.Empty(Unary
        .Where(m => CallKinds.Of(PathOf(m)) == CallKind.Short && !Short.ContainsKey(m.Name) && Grows(m.OutputType, []))
        .Select(m => m.FullName));

    [Fact]
    public void Rows_OfTheTable_AreMethods()
    {
        string[] paths = [.. All.Select(PathOf)];
        Assert.Empty(CallKinds.Paths.Where(p => p.StartsWith("/cocoguest.", StringComparison.Ordinal)).Except(paths));
    }

    private static string PathOf(MethodDescriptor method) => $"/{method.Service.FullName}/{method.Name}";

    private static bool Grows(MessageDescriptor type, HashSet<MessageDescriptor> above) => above.Add(type)
        && type.Fields.InDeclarationOrder().Any(f => f.IsRepeated || f.FieldType == FieldType.Bytes
            || (f.FieldType == FieldType.Message && Grows(f.MessageType, above)));
}
