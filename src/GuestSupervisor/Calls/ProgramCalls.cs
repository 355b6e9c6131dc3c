using System.Buffers.Binary;
using CocoGuest.Machine.Abi;
using CocoGuest.Supervisor.Seccomp;
using CocoGuest.Supervisor.Target;

namespace CocoGuest.Supervisor.Calls;

/// <summary>
/// execve and filters of the program's own: what cannot work under the supervisor is refused with a sentence instead of failing later in
/// silence.
/// </summary>
internal sealed class ProgramCalls(HandlerContext context, Action<string> say)
{
    private const int AtFdCwd = -100;
    private const int HeaderBytes = 20;
    private const uint SetIds = 0xc00;
    private const byte Class32 = 1;
    private const ushort MachineX8664 = 62;
    private readonly HashSet<string> _said = new(StringComparer.Ordinal);

    /// <summary>Handles execve and execveat.</summary>
    public void Start(StoppedCall call)
    {
        bool byFolder = call.Call == SystemCall.Execveat;
        string? path = call.Memory.ReadPath(call[byFolder ? 1 : 0]);
        if (path is { Length: > 0 } && context.StartOf(call, byFolder ? call.Int(0) : AtFdCwd, path) is { } start
            && Check(call.Tid, start, path) is { } refused)
        {
            call.Fail(refused);
            return;
        }

        call.Continue();
    }

    /// <summary>A filter with a listener of its own: there can be one in a chain of filters, and it is ours.</summary>
    public void OwnListener(StoppedCall call)
    {
        SayOnce("listener", $"{ProcFolder.NameOf(call.Tid)}[{call.Tid}] installs a seccomp filter with a notification listener of its "
            + "own. The kernel allows one for a process, and coco run has it: EBUSY.");
        call.Fail(Errno.EBUSY);
    }

    // What the program is, by its first bytes. What its caller may not start, and what cannot be found or read, is the kernel's to judge.
    private Errno? Check(int tid, string start, string path)
    {
        using var root = ProgramRoot.Of(tid);
        var rights = new CallerRights(tid);
        string? place = root is null ? null : new PathWalk(context.Guest.Tree, root, rights, cached: false).Go(start, path, follow: true);
        if (place is null || root?.Look(place, cached: false) is not { IsRegular: true } entry || !rights.MayExecute(entry))
        {
            return null;
        }

        Span<byte> header = stackalloc byte[HeaderBytes];
        if (root.ReadHead(place, header) < HeaderBytes || !header.StartsWith("\x7f"u8))
        {
            return null;
        }

        if (header[4] == Class32 || BinaryPrimitives.ReadUInt16LittleEndian(header[18..]) != MachineX8664)
        {
            SayOnce(place, $"{place} is not a 64-bit x86 program. coco run sees the calls of 64-bit programs only: ENOEXEC.");
            return HostErrno.ENOEXEC;
        }

        if ((entry.Mode & SetIds) != 0 && ProcFolder.GainsNothing(tid))
        {
            SayOnce(
                place, $"{place} is set-user-id or set-group-id. Under coco run (no_new_privs) it runs with the rights of its caller.");
        }

        return null;
    }

    private void SayOnce(string key, string sentence)
    {
        if (_said.Add(key))
        {
            say(sentence);
        }
    }
}
