namespace Grpc.Core;

/// <summary>Carries what a call inherits; opaque, and made by the server only.</summary>
public abstract class ContextPropagationToken
{
    private protected ContextPropagationToken()
    {
    }
}
