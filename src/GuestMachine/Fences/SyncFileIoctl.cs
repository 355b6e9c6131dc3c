using System.Buffers.Binary;
using System.Text;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Core;
using CocoGuest.Machine.Diagnostics;
using CocoGuest.Machine.Files;

namespace CocoGuest.Machine.Fences;

/// <summary>
/// Raw ioctls of a sync file: MERGE, FILE_INFO, SET_DEADLINE (S-BUF-78, 79, 85).
/// Models: the order of their checks, both passes of FILE_INFO (with 0 fences it tells their number). Does not model: the number of the
/// context that the kernel gives a merged fence; the name of such a file shows that of its last fence.
/// </summary>
internal sealed class SyncFileIoctl(GuestCore core, GuestFences room, IoctlCall call, SyncFile file)
{
    /// <summary>SYNC_IOC_MERGE: {char name[32]; s32 fd2; s32 fence; u32 flags; u32 pad}.</summary>
    public const uint MergeCommand = 0xc0303e03;

    /// <summary>SYNC_IOC_FILE_INFO: {char name[32]; s32 status; u32 flags; u32 num_fences; u32 pad; u64 sync_fence_info}.</summary>
    public const uint InfoCommand = 0xc0383e04;

    /// <summary>SYNC_IOC_SET_DEADLINE: {u64 deadline_ns; u64 pad}.</summary>
    public const uint DeadlineCommand = 0x40103e05;

    private const int NameBytes = 32;
    private const int MergeBytes = 48;
    private const int InfoBytes = 56;
    private const int DeadlineBytes = 16;
    private const int FenceBytes = 80;
    private const int StatusAt = 32;
    private const int InfoFlagsAt = 36;
    private const int CountAt = 40;
    private const int InfoPadAt = 44;
    private const int PointerAt = 48;
    private const int OtherFdAt = 32;
    private const int NewFdAt = 36;
    private const int MergeFlagsAt = 40;
    private const int MergePadAt = 44;
    private const int DriverAt = 32;
    private const int FenceStatusAt = 64;
    private const int TimestampAt = 72;

    /// <summary>Whether a command makes an fd, by its number: size and direction bits vary.</summary>
    public static bool MakesFd(uint command) => (command & IoctlCommand.KeyMask) == (MergeCommand & IoctlCommand.KeyMask);

    /// <summary>Where the argument has the fd of the other sync file.</summary>
    public static uint? FdArgumentOf(uint command) => MakesFd(command) ? OtherFdAt : null;

    private static bool Knows(uint command) => command is MergeCommand or InfoCommand or DeadlineCommand;

    /// <summary>Runs a command: null for others than the three.</summary>
    public Result<IoctlOutcome>? Run()
    {
        if (!Knows(call.Command))
        {
            return null;
        }

        Failure? failure = call.Command switch
        {
            MergeCommand => Merge(call.Argument, new RawArgument(call.Memory, "SYNC_IOC_MERGE")),
            InfoCommand => Tell(call.Argument, new RawArgument(call.Memory, "SYNC_IOC_FILE_INFO")),
            _ => SetDeadline(call.Argument, new RawArgument(call.Memory, "SYNC_IOC_SET_DEADLINE")),
        };
        return failure is null ? default(IoctlOutcome) : failure;
    }

    // The fd number is taken first, so EMFILE comes before all else; meanwhile it leads to this file, which nobody sees under the lock.
    private Failure? Merge(ulong argument, RawArgument raw)
    {
        Result<int> fd = GuestFiles.Install(call.Process, file, closeOnExec: true, "SYNC_IOC_MERGE");
        if (!fd.Ok)
        {
            return fd.Failure;
        }

        Span<byte> data = stackalloc byte[MergeBytes];
        Failure? failure = raw.Read(argument, data);
        SyncFile? merged = null;
        if (failure is null && (Word(data, MergeFlagsAt) | Word(data, MergePadAt)) != 0)
        {
            failure = raw.Refuse(Errno.EINVAL, "check flags", "flags and pad have to be 0.", "flags");
        }

        if (failure is null)
        {
            int other = BinaryPrimitives.ReadInt32LittleEndian(data[OtherFdAt..]);
            merged = call.Process.Fds.Find(other) is SyncFile second && other != fd.Value
                ? room.MergeFiles(file, second, TextOf(data[..NameBytes]))
                : null;
            failure = merged is null ? raw.Refuse(Errno.ENOENT, "look up fd2", $"fd {other} is no sync file.", "fd2")
                : core.FaultPoints.Fails(FaultPoint.Failslab) ? raw.Refuse(Errno.ENOMEM, "create sync file", "No memory for the sync file.")
                : null;
        }

        if (failure is null)
        {
            BinaryPrimitives.WriteInt32LittleEndian(data[NewFdAt..], fd.Value);
            data[NameBytes - 1] = 0;
            failure = raw.Write(argument, data);
        }

        if (failure is not null)
        {
            GuestFiles.Put(call.Process.Fds.Remove(fd.Value)!);
            return failure;
        }

        merged!.References++;
        GuestFiles.Put(call.Process.Fds.Replace(fd.Value, merged, closeOnExec: true)!);
        call.Note(fd.Value, "SYNC_IOC_MERGE");
        return null;
    }

    private Failure? Tell(ulong argument, RawArgument raw)
    {
        Span<byte> data = stackalloc byte[InfoBytes];
        if (raw.Read(argument, data) is { } fault)
        {
            return fault;
        }

        if ((Word(data, InfoFlagsAt) | Word(data, InfoPadAt)) != 0)
        {
            return raw.Refuse(Errno.EINVAL, "check flags", "flags and pad have to be 0.", "flags");
        }

        uint capacity = Word(data, CountAt);
        int count = file.Fences.Count;
        int status = file.Status;
        if (capacity != 0)
        {
            if (capacity < count)
            {
                return raw.Refuse(Errno.EINVAL, "check num_fences", $"There are {count} fences, and room for {capacity}.", "num_fences");
            }

            if (core.FaultPoints.Fails(FaultPoint.Failslab))
            {
                return raw.Refuse(Errno.ENOMEM, "allocate fences", "No memory for the list of fences.");
            }

            if (raw.Write(BinaryPrimitives.ReadUInt64LittleEndian(data[PointerAt..]), Fences(out status)) is { } listFault)
            {
                return listFault;
            }
        }

        PutText(data[..NameBytes], room.NameOf(file));
        BinaryPrimitives.WriteInt32LittleEndian(data[StatusAt..], status);
        BinaryPrimitives.WriteInt32LittleEndian(data[CountAt..], count);
        return raw.Write(argument, data);
    }

    // The status of the whole is that of the first fence that has not signalled well.
    private byte[] Fences(out int status)
    {
        byte[] bytes = new byte[FenceBytes * file.Fences.Count];
        status = 1;
        for (int i = 0; i < file.Fences.Count; i++)
        {
            Fence fence = file.Fences[i];
            Span<byte> one = bytes.AsSpan(i * FenceBytes, FenceBytes);
            (string driver, string timeline) = room.Rules.NamesOf(fence);
            PutText(one[..NameBytes], timeline);
            PutText(one.Slice(DriverAt, NameBytes), driver);
            BinaryPrimitives.WriteInt32LittleEndian(one[FenceStatusAt..], fence.Status);
            BinaryPrimitives.WriteUInt64LittleEndian(one[TimestampAt..], fence.Timestamp);
            status = status <= 0 ? status : fence.Status;
        }

        return bytes;
    }

    private Failure? SetDeadline(ulong argument, RawArgument raw)
    {
        Span<byte> data = stackalloc byte[DeadlineBytes];
        if (raw.Read(argument, data) is { } fault)
        {
            return fault;
        }

        if (BinaryPrimitives.ReadUInt64LittleEndian(data[sizeof(ulong)..]) != 0)
        {
            return raw.Refuse(Errno.EINVAL, "check pad", "pad has to be 0.", "pad");
        }

        foreach (Fence fence in file.Fences)
        {
            fence.Hurry(BinaryPrimitives.ReadUInt64LittleEndian(data));
        }

        return null;
    }

    private static uint Word(ReadOnlySpan<byte> data, int at) => BinaryPrimitives.ReadUInt32LittleEndian(data[at..]);

    // Names are bytes up to the first zero, at most one less than the field has.
    private static string TextOf(ReadOnlySpan<byte> field)
    {
        int end = field[..^1].IndexOf((byte)0);
        return Encoding.Latin1.GetString(end < 0 ? field[..^1] : field[..end]);
    }

    private static void PutText(Span<byte> field, string text)
    {
        field.Clear();
        Encoding.Latin1.GetBytes(text.AsSpan(0, Math.Min(text.Length, field.Length - 1)), field);
    }
}
