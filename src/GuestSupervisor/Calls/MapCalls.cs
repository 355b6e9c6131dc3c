using CocoGuest.Machine.Abi;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Files;
using CocoGuest.Supervisor.Files;
using CocoGuest.Supervisor.Processes;
using CocoGuest.Supervisor.Target;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Supervisor.Calls;

/// <summary>
/// mmap of an emulated file: the machine checks, the host's kernel maps. What is mapped is the buffer's own memory, so that a load or a
/// store costs what it costs natively.
/// </summary>
internal sealed class MapCalls(HandlerContext context)
{
    private const ulong PageMask = 4095;
    private readonly RemoteMap _remote = new();

    /// <summary>Handles mmap of a file.</summary>
    public void Map(StoppedCall call)
    {
        int fd = call.Int(4);
        if (_remote.IsBusy(call.Tid))
        {
            call.Continue();
            return;
        }

        if (context.Ours(call, fd) is not { } ours)
        {
            return;
        }

        if (ours.File.Machine is not { } machine)
        {
            call.Fail(Errno.ENODEV);
            return;
        }

        Failure? refused = context.Guest.Natives.CheckMmap(
            ours.Process.Machine, fd, call[5], call[1], (MapProtection)call.Int(2), (MapFlags)call.Int(3));
        if (refused is not null)
        {
            call.Fail(refused.Errno);
        }
        else if (ours.File.CanBeMapped)
        {
            call.Continue();
        }
        else
        {
            MapByParts(call, ours.Process, machine, fd);
        }
    }

    private void MapByParts(StoppedCall call, SupervisedProcess process, NativeFile machine, int fd)
    {
        ulong length = (call[1] + PageMask) & ~PageMask;
        Result<IReadOnlyList<MapPiece>> pieces = machine.Kind == FileKind.DrmNode
            ? ObjectOf(machine, call[5], length)
            : RangesOf(process, fd, call[5], length);
        if (!pieces.Ok)
        {
            call.Fail(pieces.Failure.Errno);
        }
        else if (context.FreeNumbers(process, pieces.Value.Count) is { } numbers)
        {
            _remote.Map(call, pieces.Value, numbers);
        }
        else
        {
            call.Fail(Errno.EMFILE);
        }
    }

    private Result<IReadOnlyList<MapPiece>> ObjectOf(NativeFile node, ulong offset, ulong length)
    {
        Result<SafeFileHandle> memory = context.Guest.Natives.OpenMemory(node, offset, length);
        if (!memory.Ok)
        {
            return memory.Failure;
        }

        // The mapping keeps the object alive, as the kernel's does.
        context.Files.NodeMappings[HostFile.IdentityOf(memory.Value)] = new NodeMapping(node, offset);
        return (MapPiece[])[new MapPiece(memory.Value, 0, length)];
    }

    private Result<IReadOnlyList<MapPiece>> RangesOf(SupervisedProcess process, int fd, ulong offset, ulong length)
    {
        Result<NativePiece[]> ranges = context.Guest.Udmabufs.PiecesOf(process.Machine, fd);
        if (!ranges.Ok || ranges.Value.Length == 0)
        {
            return Errno.EOPNOTSUPP.AsFailure("mmap", "fd");
        }

        var pieces = new List<MapPiece>();
        ulong start = 0;
        foreach (NativePiece range in ranges.Value)
        {
            (ulong from, ulong to) = (Math.Max(start, offset), Math.Min(start + range.Length, offset + length));
            if (from < to)
            {
                Result<SafeFileHandle> file = range.Memfd.Open();
                if (!file.Ok)
                {
                    return file.Failure;
                }

                pieces.Add(new MapPiece(file.Value, range.Offset + (from - start), to - from));
            }

            start += range.Length;
        }

        return pieces;
    }
}
