using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine.Fences;

/// <content>Sync files in messages between processes, by the same share tokens as buffers (S-BUF-90, 93).</content>
public sealed partial class GuestFences
{
    /// <summary>Puts a reference on a sync file in flight.</summary>
    /// <param name="process">The caller.</param>
    /// <param name="fd">fd of the sync file.</param>
    /// <param name="addressee">The only process that may receive it; null: any of the guest.</param>
    /// <param name="life">How long the token lives; zero: <see cref="GuestLimits.DefaultTokenLife"/>.</param>
    /// <returns>EBADF; EINVAL for a fd that is no sync file or a life out of range; ENOSPC.</returns>
    public Result<Handle128> ShareSyncFile(GuestProcess process, int fd, Handle128? addressee, TimeSpan life)
    {
        using Lock.Scope held = _gate.Hold();
        Result<SyncFile> file = Find<SyncFile>(process, fd, "export", Errno.EINVAL);
        return file.Ok ? _files.Export(process, fd, addressee, life) : file.Failure;
    }

    /// <summary>Redeems a share token of a sync file: a new fd on it.</summary>
    /// <returns>
    /// ENOENT for a token that is unknown, used, expired, another process' or a buffer's; EMFILE (the token stays valid).
    /// </returns>
    public Result<int> ReceiveSyncFile(GuestProcess process, Handle128 token)
    {
        using Lock.Scope held = _gate.Hold();
        if (Enter(process) is { } dead)
        {
            return dead;
        }

        Result<GuestFile> file = _files.Peek(process, token);
        return !file.Ok ? file.Failure
            : file.Value is SyncFile ? _files.Import(process, token, closeOnExec: true)
            : new Failure(Errno.ENOENT, "import", "look up token", "The share token is no sync file's.", "share_token");
    }
}
