using System.Buffers.Binary;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;
using CocoGuest.Supervisor.Processes;

namespace CocoGuest.Supervisor.Calls;

/// <summary>
/// ioctl on an emulated file: the machine runs the raw command on the caller's memory. An fd that a command makes is delivered before the
/// program sees its number.
/// </summary>
internal sealed class IoctlCalls(HandlerContext context)
{
    private const int SizeShift = 16;
    private const uint SizeMask = 0x3fff;
    private const uint SetNotCloseOnExec = 0x5450;
    private const uint SetCloseOnExec = 0x5451;

    /// <summary>Waits, without the lock, for the memory that a command is about.</summary>
    public static bool Prepare(StoppedCall call)
    {
        call.Memory.Touch(call[2], (call.UInt(1) >> SizeShift) & SizeMask);
        return true;
    }

    /// <summary>Handles ioctl.</summary>
    public void Handle(StoppedCall call)
    {
        int fd = call.Int(0);
        if (call.UInt(1) is SetCloseOnExec or SetNotCloseOnExec)
        {
            call.Continue(); // a property of the number, which the host's kernel keeps
            return;
        }

        if (context.Ours(call, fd) is not { } ours)
        {
            return;
        }

        if (ours.File.Machine is not { } machine)
        {
            call.Fail(Errno.ENOTTY);
            return;
        }

        Run(call, ours.Process, fd, machine);
    }

    private void Run(StoppedCall call, SupervisedProcess process, int fd, NativeFile machine)
    {
        uint command = call.UInt(1);
        PlaceArgument(call, process, machine, command);
        if (FdCommands.EndsObject(command) && context.Files.NodeMappings.Count != 0)
        {
            context.Mirror.Refresh(process.Pid); // a mapping keeps the object alive
        }

        if (machine.MakesFd(command))
        {
            context.LearnNumbers(process);
        }

        var ioctl = new IoctlCall(process.Machine, fd, command, call[2], call.Memory);
        List<NativeFile> files = [];
        Result<IoctlOutcome> outcome = context.Guest.Natives.Ioctl(ioctl, files);

        // Also a command that fails may leave an fd (S-HEAP-32), and one that writes nothing back makes it all the same.
        foreach ((MadeFd made, NativeFile file) in ioctl.Made.Zip(files))
        {
            Errno refused = context.Deliver(call, process, file, made.Fd, made.CloseOnExec, made.Operation);
            if (refused != Errno.None)
            {
                call.Fail(refused);
                return;
            }
        }

        context.Processes.EndKilled();
        if (!outcome.Ok)
        {
            call.Fail(outcome.Failure.Errno);
        }
        else if (outcome.Value.Wait is { } wait)
        {
            // The program's thread waits, the supervisor does not.
            var waiting = new FenceCall(context.Guest, call, wait);
            context.Waits.Add(waiting);
            waiting.Follow();
        }
        else
        {
            call.Return(outcome.Value.Value);
        }
    }

    // The number in the argument may have come by dup or in a message, which nobody told the machine.
    private void PlaceArgument(StoppedCall call, SupervisedProcess process, NativeFile file, uint command)
    {
        Span<byte> bytes = stackalloc byte[sizeof(int)];
        if (file.FdArgumentOf(command) is { } offset && call.Memory.TryRead(call[2] + offset, bytes)
            && context.FileAt(call, BinaryPrimitives.ReadInt32LittleEndian(bytes)) is { Machine: { } machine })
        {
            _ = context.Place(process, BinaryPrimitives.ReadInt32LittleEndian(bytes), machine);
        }
    }
}
