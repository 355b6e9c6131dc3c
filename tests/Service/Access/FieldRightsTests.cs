using System.Reflection;
using CocoGuest.Service.Access;
using CocoGuest.Service.Control;
using CocoGuest.Service.Hosting;
using CocoGuest.Tests.Service.Probing;
using CocoGuest.V1;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace CocoGuest.Tests.Service.Access;

/// <summary>Each field of each request: it widens what its call reaches and says so, or somebody wrote down why it does not.</summary>
public sealed class FieldRightsTests
{
    private static readonly AccessTable Rights = new(RpcServices.Descriptors);

    /// <summary>Fields of requests that anybody may send, those of messages inside of them included.</summary>
    private static IReadOnlyList<FieldDescriptor> OpenFields =>
        [.. Methods(Right.Own).SelectMany(m => FieldsOf(m.InputType, [])).Distinct()];

    [Fact]
    public void Fields_OfEveryOpenRequest_WidenOrWereReviewed() => Assert.Empty(OpenFields
        .Where(f => !Widens(f) && !ReviewedFields.Has(f.ContainingType.Name, f.Name))
        .Select(f => $"{f.ContainingType.Name}.{f.Name} neither has (cocoguest.v1.widens_to) nor stands in ReviewedFields"));

    [Fact]
    public void ReviewedFields_AgainstTheProtoFiles_AreThereAndWidenNothing()
    {
        Assert.Empty(ReviewedFields.Unused([.. OpenFields.Select(f => (f.ContainingType.Name, f.Name))]));
        Assert.Empty(OpenFields.Where(f => Widens(f) && ReviewedFields.Has(f.ContainingType.Name, f.Name)).Select(f => f.FullName));
    }

    [Fact]
    public void WideningFields_OfTheApi_AreThese() => Assert.Equal(
        ["cocoguest.v1.GuestShape.seed", "cocoguest.v1.RegisterDeviceRequest.trusted"],
        Messages().SelectMany(m => m.Fields.InDeclarationOrder()).Where(Widens).Select(f => f.FullName).Order(StringComparer.Ordinal));

    [Fact]
    public void Streams_OfAnswers_TellNoFieldThatTakesARight() => Assert.All(
        Methods(Right.Own).Where(m => m.IsServerStreaming), m => Assert.True(FieldRights.Of(m.OutputType).None, m.FullName));

    [Fact]
    public void Operations_OfTheControlProtocol_AreOpenMethods() => Assert.Empty(Enum.GetNames<ControlOperation>()
        .Except(Methods(Right.Own).Select(m => m.Name))
        .Except([nameof(ControlOperation.Hello)]));

    [Fact]
    public void Refusal_OfATrustedDevice_IsEpermUnlessTheCallerMayAll()
    {
        var rights = FieldRights.Of<RegisterDeviceRequest>();
        var request = new RegisterDeviceRequest { Name = "d", Trusted = true };
        CocoGuest.Machine.Abi.Failure refused = rights.Refusal(request, mayAll: false)!;
        Assert.Equal((CocoGuest.Machine.Abi.Errno.EPERM, "trusted"), (refused.Errno, refused.Field));
        Assert.Null(rights.Refusal(request, mayAll: true));
        Assert.Null(rights.Refusal(new RegisterDeviceRequest { Name = "d" }, mayAll: false));
    }

    [Theory]
    [InlineData("""{ "guests": [ { "shape": { "seed": "7" } } ] }""", true)]
    [InlineData("""{ "guests": [ { "shape": { "name": "g" } }, { "shape": { "seed": "1" } } ] }""", true)]
    [InlineData("""{ "guests": [ { "shape": { "name": "g" } } ] }""", false)]
    [InlineData("""{ "guests": [ { } ] }""", false)]
    public void Refusal_OfAFieldInsideOthers_FindsIt(string json, bool refused)
    {
        var rights = FieldRights.Of<ListGuestsResponse>();
        ListGuestsResponse message = JsonParser.Default.Parse<ListGuestsResponse>(json);
        Assert.Equal(refused, rights.Refusal(message, mayAll: false) is not null);
        rights.Clear(message);
        Assert.Null(rights.Refusal(message, mayAll: false));
        Assert.DoesNotContain(message.Guests, g => g.Shape?.Seed > 0);
    }

    [Theory]
    [InlineData("""{ "flag": true }""", "flag")]
    [InlineData("""{ "text": "x" }""", "text")]
    [InlineData("""{ "maybe": 0 }""", "maybe")]
    [InlineData("""{ "many": [ 0 ] }""", "many")]
    [InlineData("""{ "open": "x", "flag": false, "text": "", "many": [] }""", null)]
    public void Refusal_OfPlantedFields_GoesByWhatTheySay(string json, string? field)
    {
        Planted message = JsonParser.Default.Parse<Planted>(json);
        Assert.Equal(field, FieldRights.Of<Planted>().Refusal(message, mayAll: false)?.Field);
    }

    private static bool Widens(FieldDescriptor field) => field.GetOptions()?.GetExtension(AccessExtensions.WidensTo) is Right.Host;

    private static IEnumerable<MethodDescriptor> Methods(Right right) => RpcServices.Descriptors.SelectMany(s => s.Methods)
        .Where(m => Rights.RightOf($"/{m.Service.FullName}/{m.Name}") == right);

    private static IEnumerable<FieldDescriptor> FieldsOf(MessageDescriptor type, HashSet<MessageDescriptor> above) => above.Contains(type)
        ? []
        : type.Fields.InDeclarationOrder().SelectMany(f => f.FieldType == FieldType.Message
            ? FieldsOf(f.MessageType, [.. above, type]).Prepend(f)
            : [f]);

    private static IEnumerable<MessageDescriptor> Messages() => typeof(AccessReflection).Assembly.GetTypes()
        .Select(t => t.GetProperty("Descriptor", BindingFlags.Public | BindingFlags.Static)?.GetValue(null))
        .OfType<FileDescriptor>()
        .Where(f => f.Package == "cocoguest.v1")
        .SelectMany(f => f.MessageTypes);
}
