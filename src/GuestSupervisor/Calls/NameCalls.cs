using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Tree;
using CocoGuest.Supervisor.Processes;
using CocoGuest.Supervisor.Seccomp;

namespace CocoGuest.Supervisor.Calls;

/// <summary>
/// mkdir, mknod and symlink, where the new name is the guest's: the host has no such folder, and would make one. Nobody makes
/// anything in the guest's tree.
/// </summary>
internal sealed class NameCalls(HandlerContext context)
{
    private const int AtFdCwd = -100;

    // The argument that is the folder of the new name, -1: none; and the one that is the name.
    private static readonly Dictionary<SystemCall, (int Folder, int Name)> Arguments = new()
    {
        [SystemCall.Mkdir] = (-1, 0),
        [SystemCall.Mkdirat] = (0, 1),
        [SystemCall.Mknod] = (-1, 0),
        [SystemCall.Mknodat] = (0, 1),
        [SystemCall.Symlink] = (-1, 1),
        [SystemCall.Symlinkat] = (1, 2),
    };

    /// <summary>The calls.</summary>
    public static IEnumerable<SystemCall> All => Arguments.Keys;

    /// <summary>Finds out, without the lock, where the new name is.</summary>
    /// <returns>False: not in the guest; the call was ended.</returns>
    public bool Prepare(StoppedCall call)
    {
        (int folder, int name) = Arguments[call.Call];
        call.Place = context.PlaceOf(call, folder < 0 ? AtFdCwd : call.Int(folder), name, follow: false);
        if (call.Place is { } place && GuestPath.IsGuests(place.Path) && call.IsWaiting)
        {
            return true;
        }

        call.Continue();
        return false;
    }

    /// <summary>Refuses.</summary>
    public void Handle(StoppedCall call)
    {
        Result<SupervisedProcess> process = context.Processes.Of(call.Tid);
        if (!process.Ok)
        {
            call.Fail(process.Failure.Errno);
            return;
        }

        TreePlace place = call.Place!.Tree;
        int slash = place.Path.LastIndexOf('/');
        TreeKind KindOf(TreePlace at) => context.Guest.Tree.Kind(process.Value.Machine, at);
        string above = place.Path[..slash];
        // A slash behind a file's name is looked at after the name, anything else behind it before.
        bool goesOn = place is { WantsFolder: true, EndsInSlash: false };
        call.Fail(
            KindOf(place) is var kind and not TreeKind.None ? goesOn && kind != TreeKind.Folder ? Errno.ENOTDIR : Errno.EEXIST
            : goesOn ? Errno.ENOENT
            : !GuestPath.IsGuests(above) ? Errno.EPERM
            : KindOf(context.Guest.Tree.Resolve(above)) switch
            {
                TreeKind.Folder => Errno.EPERM,
                TreeKind.None => Errno.ENOENT,
                _ => Errno.ENOTDIR,
            });
    }
}
