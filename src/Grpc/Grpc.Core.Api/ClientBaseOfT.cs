namespace Grpc.Core;

/// <summary>What each generated client stub derives from.</summary>
/// <typeparam name="T">The stub.</typeparam>
public abstract class ClientBase<T> : ClientBase
    where T : ClientBase<T>
{
    /// <summary>Makes a stub that cannot call, for test doubles that override its methods.</summary>
    protected ClientBase()
    {
    }

    /// <summary>Makes a stub with given settings.</summary>
    /// <param name="configuration">The settings.</param>
    protected ClientBase(ClientBaseConfiguration configuration)
        : base(configuration)
    {
    }

    /// <summary>Makes a stub that calls over a channel.</summary>
    /// <param name="channel">The channel.</param>
    protected ClientBase(ChannelBase channel)
        : base(channel)
    {
    }

    /// <summary>Makes a stub that calls by an invoker.</summary>
    /// <param name="callInvoker">The invoker.</param>
    protected ClientBase(CallInvoker callInvoker)
        : base(callInvoker)
    {
    }

    /// <summary>Makes a stub that sends another authority.</summary>
    /// <param name="host">The authority.</param>
    /// <returns>The new stub.</returns>
    public T WithHost(string host)
    {
        ArgumentNullException.ThrowIfNull(host);
        return NewInstance(Configuration.WithHost(host));
    }

    /// <summary>Makes a stub of the same type; generated.</summary>
    /// <param name="configuration">The settings.</param>
    /// <returns>The new stub.</returns>
    protected abstract T NewInstance(ClientBaseConfiguration configuration);
}
