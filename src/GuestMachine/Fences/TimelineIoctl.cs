using System.Buffers.Binary;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Files;

namespace CocoGuest.Machine.Fences;

/// <summary>
/// Raw ioctls of a software timeline (S-BUF-86): CREATE_FENCE, INC, GET_DEADLINE.
/// Models: the order of their checks. Does not model: the name in CREATE_FENCE, which the kernel ignores, too.
/// </summary>
internal sealed class TimelineIoctl(GuestFences room, IoctlCall call, FenceTimeline timeline)
{
    /// <summary>SW_SYNC_IOC_CREATE_FENCE: {u32 value; char name[32]; s32 fence}.</summary>
    public const uint CreateFenceCommand = 0xc0285700;

    /// <summary>SW_SYNC_IOC_INC: u32.</summary>
    public const uint IncrementCommand = 0x40045701;

    /// <summary>SW_SYNC_GET_DEADLINE: {u64 deadline_ns; u32 pad; s32 fence_fd}.</summary>
    public const uint GetDeadlineCommand = 0xc0105702;

    private const int CreateBytes = 40;
    private const int NewFdAt = 36;
    private const int DeadlineBytes = 16;
    private const int FenceFdAt = 12;
    private const int PadAt = 8;

    /// <summary>Whether a command makes an fd, by its number: size and direction bits vary.</summary>
    public static bool MakesFd(uint command) => (command & IoctlCommand.KeyMask) == (CreateFenceCommand & IoctlCommand.KeyMask);

    private static bool Knows(uint command) => command is CreateFenceCommand or IncrementCommand or GetDeadlineCommand;

    /// <summary>Runs a command: null for others than the three.</summary>
    public Result<IoctlOutcome>? Run()
    {
        if (!Knows(call.Command))
        {
            return null;
        }

        Failure? failure = call.Command switch
        {
            CreateFenceCommand => CreateFence(call.Argument, new RawArgument(call.Memory, "SW_SYNC_IOC_CREATE_FENCE")),
            IncrementCommand => Increment(call.Argument, new RawArgument(call.Memory, "SW_SYNC_IOC_INC")),
            _ => GetDeadline(call.Argument, new RawArgument(call.Memory, "SW_SYNC_GET_DEADLINE")),
        };
        return failure is null ? default(IoctlOutcome) : failure;
    }

    // The kernel takes the fd number before it reads, so EMFILE comes before EFAULT (S-BUF-88).
    private Failure? CreateFence(ulong argument, RawArgument raw)
    {
        const string Operation = "SW_SYNC_IOC_CREATE_FENCE";
        Span<byte> data = stackalloc byte[CreateBytes];
        if ((GuestFiles.Reserve(call.Process, Operation) ?? raw.Read(argument, data)) is { } refused)
        {
            return refused;
        }

        int made = room.CreateReservedFence(call.Process, timeline, BinaryPrimitives.ReadUInt32LittleEndian(data));
        call.Note(made, Operation);
        BinaryPrimitives.WriteInt32LittleEndian(data[NewFdAt..], made);
        if (raw.Write(argument, data) is not { } failure)
        {
            return null;
        }

        call.TakeBack(made);
        return failure;
    }

    private Failure? Increment(ulong argument, RawArgument raw)
    {
        Span<byte> by = stackalloc byte[sizeof(uint)];
        return raw.Read(argument, by) ?? room.Advance(call.Process, call.Fd, BinaryPrimitives.ReadUInt32LittleEndian(by));
    }

    private Failure? GetDeadline(ulong argument, RawArgument raw)
    {
        Span<byte> data = stackalloc byte[DeadlineBytes];
        if (raw.Read(argument, data) is { } fault)
        {
            return fault;
        }

        int fence = BinaryPrimitives.ReadInt32LittleEndian(data[FenceFdAt..]);
        if (BinaryPrimitives.ReadUInt64LittleEndian(data) != 0 || BinaryPrimitives.ReadUInt32LittleEndian(data[PadAt..]) != 0)
        {
            return raw.Refuse(Errno.EINVAL, "check fields", "deadline_ns and pad have to be 0.", "deadline_ns");
        }

        if (call.Process.Fds.Find(fence) is not SyncFile { Fences: [{ Driver: FenceTimeline.Driver } point] })
        {
            return raw.Refuse(Errno.EINVAL, "look up fence", $"fd {fence} is no sync file of one fence of a timeline.", "fence_fd");
        }

        if (point.Deadline is not { } deadline)
        {
            return raw.Refuse(Errno.ENOENT, "look up deadline", "Nobody set a deadline.", "fence_fd");
        }

        BinaryPrimitives.WriteUInt64LittleEndian(data, deadline);
        return raw.Write(argument, data);
    }
}
