namespace Grpc.Core;

/// <summary>A connection to a server, as client stubs see it.</summary>
public abstract class ChannelBase
{
    /// <summary>Makes a channel.</summary>
    /// <param name="target">What the channel connects to.</param>
    protected ChannelBase(string target)
    {
        ArgumentNullException.ThrowIfNull(target);
        Target = target;
    }

    /// <summary>What the channel connects to.</summary>
    public string Target { get; }

    /// <summary>Makes an invoker that sends calls over this channel.</summary>
    /// <returns>The invoker.</returns>
    public abstract CallInvoker CreateCallInvoker();

    /// <summary>Closes the channel.</summary>
    /// <returns>Done when it is closed.</returns>
    public Task ShutdownAsync() => ShutdownAsyncCore();

    /// <summary>Closes the channel; a channel that holds nothing needs no override.</summary>
    /// <returns>Done when it is closed.</returns>
    protected virtual Task ShutdownAsyncCore() => Task.CompletedTask;
}
