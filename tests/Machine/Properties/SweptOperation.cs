using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;
using CocoGuest.Tests.Machine.Guests;

namespace CocoGuest.Tests.Machine.Properties;

/// <summary>An operation that the fail_nth sweep runs.</summary>
/// <param name="Prepare">What comes before it, in init.</param>
/// <param name="Run">The operation: its failure, or null.</param>
internal sealed record SweptOperation(Action<TestGuest> Prepare, Func<Guest, GuestProcess, Failure?> Run)
{
    /// <summary>It passes no fault point: nothing that may fail is taken.</summary>
    public bool CannotFail { get; init; }
}
