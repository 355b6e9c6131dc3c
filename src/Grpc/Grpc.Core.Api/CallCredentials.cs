using Grpc.Core.Internal;

namespace Grpc.Core;

/// <summary>Credentials that travel with each call, as headers.</summary>
public abstract class CallCredentials
{
    /// <summary>Joins credentials into one; they are applied in order.</summary>
    /// <param name="credentials">Two or more credentials.</param>
    /// <returns>The joined credentials.</returns>
    public static CallCredentials Compose(params CallCredentials[] credentials) => new CompositeCallCredentials(credentials);

    /// <summary>Makes credentials from a function.</summary>
    /// <param name="interceptor">Adds headers to each call.</param>
    /// <returns>The credentials.</returns>
    public static CallCredentials FromInterceptor(AsyncAuthInterceptor interceptor) => new InterceptorCallCredentials(interceptor);

    /// <summary>Tells a transport what these credentials are made of. For transports only.</summary>
    /// <param name="configurator">The transport.</param>
    /// <param name="state">Is passed to the configurator.</param>
    public abstract void InternalPopulateConfiguration(CallCredentialsConfiguratorBase configurator, object? state);
}
