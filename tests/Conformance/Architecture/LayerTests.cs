namespace CocoGuest.Tests.Conformance.Architecture;

/// <summary>The folders of the product's assemblies are layers: nobody names what stands above him.</summary>
public class LayerTests
{
    private static readonly Layers Planted =
        new("CocoGuest.Tests.Conformance.Architecture.Planted", ["Low", "High"]);

    /// <summary>The assemblies and their layers.</summary>
    public static TheoryData<string> Assemblies => ["CocoGuest.Machine", "CocoGuest.Supervisor", "CocoGuest.Service"];

    [Theory]
    [MemberData(nameof(Assemblies))]
    public void Rooms_OfAnAssembly_NameOnlyRoomsBelow(string assembly)
    {
        IReadOnlyList<NamespaceUse> uses = UsesOf(assembly);

        Assert.NotEmpty(uses);
        Assert.Empty(LayersOf(assembly).Unlisted(uses.SelectMany(u => new[] { u.From, u.To })));
        Assert.Empty(LayersOf(assembly).WaysUp(uses));
    }

    [Fact]
    public void WaysUp_APlantedOne_IsFound() =>
        Assert.Contains(Planted.WaysUp(UsesOf("CocoGuest.Tests.Conformance")), u => u.To.EndsWith(".High", StringComparison.Ordinal));

    private static Layers LayersOf(string assembly) => assembly switch
    {
        "CocoGuest.Machine" => Layers.Machine,
        "CocoGuest.Supervisor" => Layers.Supervisor,
        "CocoGuest.Service" => Layers.Service,
        _ => throw new ArgumentOutOfRangeException(nameof(assembly), assembly, "No layers are known."),
    };

    private static IReadOnlyList<NamespaceUse> UsesOf(string assembly) =>
        NamespaceUses.Of(Path.Combine(AppContext.BaseDirectory, assembly + ".dll"));
}
