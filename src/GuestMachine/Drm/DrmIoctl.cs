using System.Buffers.Binary;
using System.Text;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Core;
using CocoGuest.Machine.Diagnostics;
using CocoGuest.Machine.Files;

namespace CocoGuest.Machine.Drm;

/// <summary>
/// One ioctl on a DRM node, from the raw command to the copy back (S-GPU-20, 21).
/// Models: type and number choose the row of <see cref="DrmIoctlTable"/>; the caller's size and direction bits say how much is copied in
/// and out, the rest of the kernel's structure is zero; the copy back happens after failures, too, and a fault there takes nothing back.
/// </summary>
internal sealed partial class DrmIoctl
{
    private const uint ExportNumber = 0x2d;
    private const uint ImportNumber = 0x2e;
    private const int OnStack = 128;
    private readonly GuestCore _core;
    private readonly GuestDrm _room;
    private readonly IoctlCall _call;
    private readonly GuestProcess _process;
    private readonly int _fd;
    private readonly DrmFile _file;
    private readonly IUserMemory _memory;
    private DrmIoctlRow? _row;

    /// <param name="core">What rooms share.</param>
    /// <param name="room">The room of the device.</param>
    /// <param name="call">The call.</param>
    /// <param name="file">The client behind its fd.</param>
    public DrmIoctl(GuestCore core, GuestDrm room, IoctlCall call, DrmFile file)
    {
        _core = core;
        _room = room;
        _call = call;
        _process = call.Process;
        _fd = call.Fd;
        _file = file;
        _memory = call.Memory;
    }

    /// <summary>Whether a command makes an fd: PRIME_HANDLE_TO_FD.</summary>
    public static bool MakesFd(IoctlCommand command) => command.Type == DrmIoctlTable.Type && command.Number == ExportNumber;

    /// <summary>Where the argument has an fd: PRIME_FD_TO_HANDLE.</summary>
    public static uint? FdArgumentOf(IoctlCommand command) =>
        command.Type == DrmIoctlTable.Type && command.Number == ImportNumber ? FdAt : null;

    private string Operation => $"DRM_IOCTL_{_row?.Name}";

    /// <summary>Runs the command on the argument at an address.</summary>
    /// <returns>
    /// ENOTTY for another type; EINVAL for a number that the driver does not have; EFAULT, ENOMEM, EACCES, and what the ioctl says.
    /// </returns>
    public Result<IoctlOutcome> Run(IoctlCommand command, ulong argument)
    {
        if (command.Type != DrmIoctlTable.Type)
        {
            return new Failure(Errno.ENOTTY, "ioctl", "check type", $"0x{command.Value:x8} is not of type 'd' (S-GPU-20).", "command");
        }

        if (DrmIoctlTable.Find(_core.Kernel, _file.Device.Driver, command.Number) is not { } row)
        {
            return new Failure(Errno.EINVAL, "ioctl", "look up number",
                $"{_file.Device.Driver.Name} has no ioctl number 0x{command.Number:x2} (S-GPU-20).", "command");
        }

        _row = row;
        int inSize = command.UserWrites && row.UserWrites ? command.Size : 0;
        int outSize = command.UserReads && row.UserReads ? command.Size : 0;
        int size = Math.Max(row.Size, Math.Max(inSize, outSize));
        if (size > OnStack && _core.FaultPoints.Fails(FaultPoint.Failslab))
        {
            return new Failure(Errno.ENOMEM, Operation, "allocate argument", $"No memory for an argument of {size} bytes.");
        }

        byte[] data = new byte[size];
        if (inSize != 0 && !_memory.TryRead(argument, data.AsSpan(0, inSize)))
        {
            return Fault(argument, "copy from user");
        }

        Failure? failure = Permit(row) ?? row.Handler(this, data);
        return outSize != 0 && !_memory.TryWrite(argument, data.AsSpan(0, outSize)) ? Fault(argument, "copy to user")
            : failure is not null ? failure
            : default(IoctlOutcome);
    }

    /// <summary>The ioctl is there and does nothing.</summary>
    public static Failure? Nothing(DrmIoctl call, Span<byte> data) => null;

    /// <summary>The ioctl is there and always refuses.</summary>
    public static Failure? Invalid(DrmIoctl call, Span<byte> data) => call.Refuse(Errno.EINVAL, "Nobody may do this any more.");

    /// <summary>Display modes: no driver here has them.</summary>
    public static Failure? NoModeSetting(DrmIoctl call, Span<byte> data) =>
        call.Refuse(Errno.EOPNOTSUPP, $"{call.Driver.Name} sets no display modes here (S-GPU-23).");

    /// <summary>Frame buffers of a device without display modes: EINVAL, where all other ioctls say EOPNOTSUPP.</summary>
    public static Failure? NoFrameBuffer(DrmIoctl call, Span<byte> data) =>
        call.Refuse(Errno.EINVAL, $"{call.Driver.Name} has no frame buffers (S-GPU-23).");

    /// <summary>Sync objects: no driver here has them.</summary>
    public static Failure? NoSyncObjects(DrmIoctl call, Span<byte> data) =>
        call.Refuse(Errno.EOPNOTSUPP, $"{call.Driver.Name} has no sync objects (S-GPU-23).");

    private DrmDriver Driver => _file.Device.Driver;

    private bool IsRoot => _process.Uid == 0;

    private Failure? Permit(DrmIoctlRow row)
    {
        string? missing =
            row.Need.HasFlag(DrmIoctlNeed.Root) && !IsRoot ? "root"
            : row.Need.HasFlag(DrmIoctlNeed.Authenticated) && !_file.Render && !_file.Authenticated ? "an authenticated client"
            : row.Need.HasFlag(DrmIoctlNeed.Master) && !_file.IsCurrentMaster ? "the master"
            : !row.Need.HasFlag(DrmIoctlNeed.RenderAllowed) && _file.Render ? "a client of the primary node"
            : null;
        return missing is null ? null : Refuse(Errno.EACCES, $"This takes {missing} (S-GPU-21).", "fd");
    }

    // A string for a caller's buffer: as much as fits, without an end; the length told is the whole one.
    private bool CopyText(string text, Span<byte> data, int lengthAt, int pointerAt)
    {
        byte[] bytes = Encoding.ASCII.GetBytes(text);
        ulong room = BinaryPrimitives.ReadUInt64LittleEndian(data[lengthAt..]);
        ulong pointer = BinaryPrimitives.ReadUInt64LittleEndian(data[pointerAt..]);
        int length = (int)Math.Min(room, (ulong)bytes.Length);
        BinaryPrimitives.WriteUInt64LittleEndian(data[lengthAt..], (ulong)bytes.Length);
        return length == 0 || pointer == 0 || _memory.TryWrite(pointer, bytes.AsSpan(0, length));
    }

    private static uint Word(ReadOnlySpan<byte> data, int at) => BinaryPrimitives.ReadUInt32LittleEndian(data[at..]);

    private static void SetWord(Span<byte> data, int at, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(data[at..], value);

    private static void SetLong(Span<byte> data, int at, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(data[at..], value);

    private Failure Refuse(Errno errno, string sentence, string? field = null) => new(errno, Operation, "check ioctl", sentence, field);

    private Failure Fault(ulong address, string step) =>
        new(Errno.EFAULT, Operation, step, $"The user memory at 0x{address:x} cannot be accessed.", "argument");
}
