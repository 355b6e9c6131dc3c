namespace CocoGuest.Machine.Dma;

/// <summary>One row of a direct-mapping table.</summary>
/// <param name="Number">Its number in the reference.</param>
/// <param name="All">Inputs that must all be there.</param>
/// <param name="Action">What happens then.</param>
/// <param name="Not">Inputs of which none may be there.</param>
/// <param name="Any">Inputs of which one must be there; none given: no condition.</param>
public sealed record MappingRow(
    int Number, MappingInputs All, MappingAction Action, MappingInputs Not = MappingInputs.None, MappingInputs Any = MappingInputs.None)
{
    /// <summary>True when the row applies.</summary>
    public bool Matches(MappingInputs inputs) =>
        (inputs & All) == All && (inputs & Not) == 0 && (Any == 0 || (inputs & Any) != 0);
}
