namespace CocoGuest.Machine.Abi;

/// <summary>
/// Why a machine operation did not happen: an expected failure as a value. Immutable; may be shared between calls.
/// </summary>
/// <param name="Errno">The errno that the kernel returns there.</param>
/// <param name="Operation">The operation in the field's own words, for example <c>dma_map_sgtable</c>.</param>
/// <param name="Step">The step inside the operation that failed, for example <c>swiotlb: find slots</c>.</param>
/// <param name="Sentence">One plain sentence for a person; it names the value. Never holds guest data.</param>
/// <param name="Field">The request field at fault in snake_case, or null where no field is.</param>
public sealed record Failure(Errno Errno, string Operation, string Step, string Sentence, string? Field = null);
