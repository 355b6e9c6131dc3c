namespace CocoGuest.Machine.Abi;

/// <summary>Where handles and tokens come from. The server passes a cryptographic source, tests a seeded one.</summary>
public interface ISecretSource
{
    /// <summary>A new value that nobody can guess.</summary>
    Handle128 Next();
}
