using Grpc.Core.Internal;

namespace Grpc.Core;

/// <summary>What client stubs derive from that are generated with <c>lite_client</c>.</summary>
public abstract class LiteClientBase
{
    /// <summary>Makes a stub that cannot call, for test doubles that override its methods.</summary>
    protected LiteClientBase()
        : this(new UnconnectedCallInvoker())
    {
    }

    /// <summary>Makes a stub that calls by an invoker.</summary>
    /// <param name="callInvoker">The invoker.</param>
    protected LiteClientBase(CallInvoker callInvoker)
    {
        ArgumentNullException.ThrowIfNull(callInvoker);
        CallInvoker = callInvoker;
    }

    /// <summary>Makes the calls of this stub.</summary>
    protected CallInvoker CallInvoker { get; }
}
