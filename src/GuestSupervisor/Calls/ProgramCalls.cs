using System.Buffers.Binary;
using System.Globalization;
using CocoGuest.Machine.Abi;
using CocoGuest.Supervisor.Seccomp;
using CocoGuest.Supervisor.Target;

namespace CocoGuest.Supervisor.Calls;

/// <summary>
/// execve and filters of the program's own: what cannot work under the supervisor is refused with a sentence instead of failing later in
/// silence.
/// </summary>
internal sealed class ProgramCalls(Action<string> say)
{
    private const int AtFdCwd = -100;
    private const int HeaderBytes = 20;
    private const byte Class32 = 1;
    private const ushort MachineX8664 = 62;
    private readonly HashSet<string> _said = new(StringComparer.Ordinal);

    /// <summary>Handles execve and execveat.</summary>
    public void Start(StoppedCall call)
    {
        bool byFolder = call.Call == SystemCall.Execveat;
        string? path = call.Memory.ReadPath(call[byFolder ? 1 : 0]);
        string? folder = path is null || path.StartsWith('/') ? "" : ProcFolder.LinkOf(call.Tid, byFolder && call.Int(0) != AtFdCwd
            ? string.Create(CultureInfo.InvariantCulture, $"fd/{call.Int(0)}") : "cwd");
        if (path is { Length: > 0 } && folder is not null && Check(GuestPath.Normalise(folder, path)) is { } refused)
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

    // What the program is, by its first bytes. What cannot be read is the kernel's to judge.
    private Errno? Check(string path)
    {
        Span<byte> header = stackalloc byte[HeaderBytes];
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            if (file.ReadAtLeast(header, HeaderBytes, throwOnEndOfStream: false) < HeaderBytes || !header.StartsWith("\x7f"u8))
            {
                return null;
            }

            if (header[4] == Class32 || BinaryPrimitives.ReadUInt16LittleEndian(header[18..]) != MachineX8664)
            {
                SayOnce(path, $"{path} is not a 64-bit x86 program. coco run sees the calls of 64-bit programs only: ENOEXEC.");
                return HostErrno.ENOEXEC;
            }

            if ((File.GetUnixFileMode(path) & (UnixFileMode.SetUser | UnixFileMode.SetGroup)) != 0)
            {
                SayOnce(
                    path, $"{path} is set-user-id or set-group-id. Under coco run (no_new_privs) it runs with the rights of its caller.");
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The kernel will say the same.
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
