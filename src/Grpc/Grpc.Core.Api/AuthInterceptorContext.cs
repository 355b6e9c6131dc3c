namespace Grpc.Core;

/// <summary>The call that an <see cref="AsyncAuthInterceptor"/> makes credentials for.</summary>
public class AuthInterceptorContext
{
    /// <summary>Makes a context.</summary>
    /// <param name="serviceUrl">The URL of the service.</param>
    /// <param name="methodName">The name of the method.</param>
    public AuthInterceptorContext(string serviceUrl, string methodName)
        : this(serviceUrl, methodName, CancellationToken.None)
    {
    }

    /// <summary>Makes a context.</summary>
    /// <param name="serviceUrl">The URL of the service.</param>
    /// <param name="methodName">The name of the method.</param>
    /// <param name="cancellationToken">Cancelled with the call.</param>
    public AuthInterceptorContext(string serviceUrl, string methodName, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(serviceUrl);
        ArgumentNullException.ThrowIfNull(methodName);
        ServiceUrl = serviceUrl;
        MethodName = methodName;
        CancellationToken = cancellationToken;
    }

    /// <summary>The URL of the service.</summary>
    public string ServiceUrl { get; }

    /// <summary>The name of the method.</summary>
    public string MethodName { get; }

    /// <summary>Cancelled with the call.</summary>
    public CancellationToken CancellationToken { get; }
}
