using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Memory.Store;
using CocoGuest.Service.Options;

namespace CocoGuest.Service.Processes;

/// <summary>
/// fd tokens that wait to be redeemed. Each process may have <see cref="ServerOptions.MaxFdTokens"/>; one more drops its oldest, so that a
/// client which never redeems costs a bounded sum and harms nobody else.
/// </summary>
internal sealed class FdTokenTable(TimeProvider time, ISecretSource secrets, ServerOptions options)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<Handle128, FdToken> _tokens = [];
    private readonly long _life = (long)(options.FdTokenTtl.TotalSeconds * time.TimestampFrequency);

    /// <summary>Tokens that were not redeemed; expired ones count until they are dropped.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _tokens.Count;
            }
        }
    }

    /// <summary>A new token for a process.</summary>
    public Handle128 Issue(ProcessSession holder, VisibleBacking backing)
    {
        var token = new FdToken(secrets.Next(), backing, holder, time.GetTimestamp() + _life);
        lock (_lock)
        {
            if (holder.Tokens.Closed)
            {
                // The process died while its call was on the way: the token is one that was dropped already.
                return token.Value;
            }

            if (holder.Tokens.Push(token, options.MaxFdTokens) is { } oldest)
            {
                _tokens.Remove(oldest.Value);
            }

            _tokens.Add(token.Value, token);
            return token.Value;
        }
    }

    /// <summary>Takes a token out; only one caller ever gets it.</summary>
    /// <param name="value">The token.</param>
    /// <param name="userId">Who redeems it.</param>
    /// <returns>Null when it is unknown, used, expired or another user's; another user's stays valid for its owner.</returns>
    public FdToken? Redeem(Handle128 value, uint userId)
    {
        lock (_lock)
        {
            if (!_tokens.TryGetValue(value, out FdToken? token) || !token.Holder.MayBeUsedBy(userId))
            {
                return null;
            }

            _tokens.Remove(value);
            return token.Expires > time.GetTimestamp() ? token : null;
        }
    }

    /// <summary>Drops what a process left behind.</summary>
    public void DropAll(ProcessSession holder)
    {
        lock (_lock)
        {
            foreach (FdToken token in holder.Tokens.Close())
            {
                _tokens.Remove(token.Value);
            }
        }
    }
}
