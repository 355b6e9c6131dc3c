using System.Globalization;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine.Files;

/// <summary>fds in flight: what SCM_RIGHTS does, as share tokens, for any kind of file (S-BUF-90, 93).</summary>
public sealed partial class GuestFiles
{
    /// <summary>The files in flight, one for each token.</summary>
    internal IEnumerable<GuestFile> InFlight => _tokens.Files;

    internal int TokensInFlight => _tokens.Count;

    /// <summary>Puts a reference in flight, as sending an fd does. The token is single use and ends after its life.</summary>
    /// <param name="process">The caller.</param>
    /// <param name="fd">fd to share.</param>
    /// <param name="addressee">The only process that may import it; null: any of the guest.</param>
    /// <param name="life">How long it lives; zero: <see cref="GuestLimits.DefaultTokenLife"/>.</param>
    /// <returns>EBADF, EINVAL for a life out of range, ENOSPC when too many are in flight.</returns>
    public Result<Handle128> Export(GuestProcess process, int fd, Handle128? addressee, TimeSpan life)
    {
        using Lock.Scope held = _gate.Hold();
        Result<GuestFile> file = Find(process, fd, "export");
        return file.Ok ? Export(file.Value, addressee, life, process) : file.Failure;
    }

    /// <summary>Puts a reference on an open file in flight that the caller has without an fd of the guest.</summary>
    internal Result<Handle128> Export(GuestFile file, Handle128? addressee, TimeSpan life, GuestProcess? maker = null)
    {
        using Lock.Scope held = _gate.Hold();
        if (life < TimeSpan.Zero || life > GuestLimits.LongestTokenLife)
        {
            return new Failure(Errno.EINVAL, "export", "check life", string.Create(CultureInfo.InvariantCulture,
                $"A token cannot live for {life.TotalSeconds} s; at most {GuestLimits.LongestTokenLife.TotalSeconds} s."),
                "expires_after_nanoseconds");
        }

        ExpireTokens();
        if (_tokens.IsFullFor(maker))
        {
            return new Failure(Errno.ENOSPC, "export", "add token", $"{_tokens.Count} share tokens are in flight already.");
        }

        file.References++;
        Handle128 token = _core.Secrets.Next();
        _tokens.Add(token, file, addressee, life == TimeSpan.Zero ? GuestLimits.DefaultTokenLife : life, maker);
        return token;
    }

    /// <summary>Redeems a share token, as receiving an fd does: a new fd on the same open file, offset and status flags included.</summary>
    /// <param name="process">The caller.</param>
    /// <param name="token">The token.</param>
    /// <param name="closeOnExec">MSG_CMSG_CLOEXEC.</param>
    /// <returns>
    /// ENOENT for a token that is unknown, used, expired or addressed to another process; EMFILE (the token stays valid).
    /// </returns>
    public Result<int> Import(GuestProcess process, Handle128 token, bool closeOnExec)
    {
        using Lock.Scope held = _gate.Hold();
        Result<GuestFile> file = Peek(process, token);
        if (!file.Ok)
        {
            return file.Failure;
        }

        Result<int> fd = Install(process, file.Value, closeOnExec, "import");
        if (fd.Ok)
        {
            _tokens.Remove(token);
            Put(file.Value);
        }

        return fd;
    }

    /// <summary>Drops the references of tokens whose life is over. Called by the server's timer and before each use of tokens.</summary>
    public void ExpireTokens()
    {
        using Lock.Scope held = _gate.Hold();
        while (_tokens.TakeExpired() is { } file)
        {
            Put(file);
        }
    }

    /// <summary>Closes what is in flight with a token, as closing the sockets does. ENOENT as <see cref="Import"/>.</summary>
    public Failure? Revoke(GuestProcess process, Handle128 token)
    {
        using Lock.Scope held = _gate.Hold();
        Result<GuestFile> file = Peek(process, token);
        if (file.Ok)
        {
            _tokens.Remove(token);
            Put(file.Value);
        }

        return file.Failure;
    }

    /// <summary>The file that a process would get for a token.</summary>
    internal Result<GuestFile> Peek(GuestProcess process, Handle128 token)
    {
        if (_gate.Begin(process) is { } dead)
        {
            return dead;
        }

        ExpireTokens();
        return _tokens.Find(token, process.Handle) is { } file
            ? file
            : new Failure(Errno.ENOENT, "import", "look up token",
                "The share token is unknown, used, expired or addressed to another process.", "share_token");
    }

    /// <summary>What a contained process put in flight ends with it.</summary>
    internal void DropTokensOf(GuestProcess process)
    {
        if (process.Contained)
        {
            foreach (GuestFile file in _tokens.TakeOf(process))
            {
                Put(file);
            }
        }
    }

    /// <summary>Everything in flight ends with the guest.</summary>
    internal void DropTokens()
    {
        foreach (GuestFile file in _tokens.Clear())
        {
            Put(file);
        }
    }
}
