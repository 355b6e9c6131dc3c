namespace Grpc.Core;

/// <summary>Takes apart call credentials; each transport derives from it.</summary>
public abstract class CallCredentialsConfiguratorBase
{
    /// <summary>The credentials are a list.</summary>
    /// <param name="state">What the transport passed.</param>
    /// <param name="credentials">The parts, in order.</param>
    public abstract void SetCompositeCredentials(object? state, IReadOnlyList<CallCredentials> credentials);

    /// <summary>The credentials are a function.</summary>
    /// <param name="state">What the transport passed.</param>
    /// <param name="interceptor">The function.</param>
    public abstract void SetAsyncAuthInterceptorCredentials(object? state, AsyncAuthInterceptor interceptor);
}
