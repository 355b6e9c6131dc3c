namespace Grpc.Core.Internal;

/// <summary>Several call credentials, applied in order.</summary>
internal sealed class CompositeCallCredentials : CallCredentials
{
    private readonly CallCredentials[] _parts;

    internal CompositeCallCredentials(CallCredentials[] parts)
    {
        ArgumentNullException.ThrowIfNull(parts);
        if (parts.Length < 2)
        {
            throw new ArgumentException("Credentials are composed of at least two.", nameof(parts));
        }

        _parts = [.. parts];
    }

    /// <inheritdoc/>
    public override void InternalPopulateConfiguration(CallCredentialsConfiguratorBase configurator, object? state) =>
        configurator.SetCompositeCredentials(state, _parts);
}
