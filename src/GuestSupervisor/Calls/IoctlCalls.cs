using System.Buffers.Binary;
using CocoGuest.Machine;
using CocoGuest.Machine.Files;
using CocoGuest.Supervisor.Processes;

namespace CocoGuest.Supervisor.Calls;

/// <summary>
/// ioctl on an emulated file: the machine runs the raw command on the caller's memory. An fd that a command makes is delivered before the
/// program sees its number.
/// </summary>
internal sealed class IoctlCalls(GuestCalls calls)
{
    private const uint SetNotCloseOnExec = 0x5450;
    private const uint SetCloseOnExec = 0x5451;

    /// <summary>Handles ioctl.</summary>
    public void Handle(StoppedCall call)
    {
        int fd = call.Int(0);
        if (call.UInt(1) is SetCloseOnExec or SetNotCloseOnExec)
        {
            call.Continue(); // a property of the number, which the host's kernel keeps
            return;
        }

        if (calls.Ours(call, fd) is not { } ours)
        {
            return;
        }

        if (ours.File.Machine is null)
        {
            call.Fail(Errno.ENOTTY);
            return;
        }

        Run(call, ours.Process, fd);
    }

    private void Run(StoppedCall call, SupervisedProcess process, int fd)
    {
        uint command = call.UInt(1);
        Result<IoctlOutcome> outcome = calls.Guest.Files.Ioctl(process.Machine, fd, command, call[2], call.Memory);
        if (!outcome.Ok)
        {
            call.Fail(outcome.Failure.Errno);
            return;
        }

        if (outcome.Value.Wait is { } wait)
        {
            // The program's thread waits, the supervisor does not.
            wait.Completion.ContinueWith(done => call.End(done.Result), TaskScheduler.Default);
            return;
        }

        if (NewFds.Find(command) is not { } made)
        {
            call.Return(outcome.Value.Value);
            return;
        }

        int number = made.Offset is { } offset ? FdIn(call, call[2] + offset) : (int)outcome.Value.Value;
        Errno refused = calls.Deliver(call, process, number, calls.Guest.Natives.IsCloseOnExec(process.Machine, number), made.Name);
        if (refused == Errno.None)
        {
            call.Return(outcome.Value.Value);
        }
        else
        {
            call.Fail(refused);
        }
    }

    private static int FdIn(StoppedCall call, ulong address)
    {
        Span<byte> bytes = stackalloc byte[sizeof(int)];
        return call.Memory.TryRead(address, bytes) ? BinaryPrimitives.ReadInt32LittleEndian(bytes) : -1;
    }
}
