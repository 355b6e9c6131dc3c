namespace Grpc.Core.Internal;

/// <summary>No transport security.</summary>
internal sealed class InsecureChannelCredentials : ChannelCredentials
{
    /// <inheritdoc/>
    public override void InternalPopulateConfiguration(ChannelCredentialsConfiguratorBase configurator, object? state) =>
        configurator.SetInsecureCredentials(state);
}
