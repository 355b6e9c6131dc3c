using CocoGuest.Linux.Processes;
using CocoGuest.Machine.Abi;
using CocoGuest.Supervisor.Target;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Supervisor.Calls;

/// <summary>
/// What cannot work under the supervisor and is refused with a sentence instead of failing later in silence: programs of another
/// architecture, and filters with a listener of their own.
/// </summary>
/// <remarks>
/// exec itself is not stopped: what a program is, the kernel says, and the supervisor opens and reads no file for it. A program of another
/// architecture is known by its first call.
/// </remarks>
internal sealed class ProgramCalls(Action<string> say)
{
    private const int BadSystemCall = 31; // SIGSYS
    private const ulong End32 = 1UL << 32;
    private readonly HashSet<string> _said = new(StringComparer.Ordinal);

    /// <summary>
    /// A call of another architecture. A 64-bit program that makes one (int $0x80) learns that the kernel has no such calls; a 32-bit
    /// program could not even say why it ends, and is ended.
    /// </summary>
    public void Foreign(StoppedCall call)
    {
        if (call.InstructionPointer < End32 && ProcFolder.StackPointerOf(call.Tid) < End32)
        {
            SayOnce($"foreign {ProcFolder.LinkOf(call.Tid, "exe")}",
                $"{ProcFolder.NameOf(call.Tid)}[{call.Tid}] is not a 64-bit x86 program. coco run sees the calls of 64-bit programs only: "
                + "it is ended by SIGSYS.");
            using SafeFileHandle? process = PidFd.Open(ProcFolder.ProcessOf(call.Tid) ?? call.Tid);
            if (process is not null)
            {
                PidFd.Signal(process, BadSystemCall);
            }
        }

        call.Fail(Errno.ENOSYS);
    }

    /// <summary>A filter with a listener of its own: there can be one in a chain of filters, and it is ours.</summary>
    public void OwnListener(StoppedCall call)
    {
        SayOnce("listener", $"{ProcFolder.NameOf(call.Tid)}[{call.Tid}] installs a seccomp filter with a notification listener of its "
            + "own. The kernel allows one for a process, and coco run has it: EBUSY.");
        call.Fail(Errno.EBUSY);
    }

    private void SayOnce(string key, string sentence)
    {
        lock (_said)
        {
            if (!_said.Add(key))
            {
                return;
            }
        }

        say(sentence);
    }
}
