using System.Buffers.Binary;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Diagnostics;

namespace CocoGuest.Machine.Drm;

/// <content>Who the device is, who the client is (S-GPU-22, 24).</content>
internal sealed partial class DrmIoctl
{
    private const int InterfaceMajor = 1;
    private const int InterfaceMinor = 4;
    private const ulong OverflowUid = 65534;
    private const ulong LongestClientName = 64;

    // struct drm_version: three ints and padding, then length and pointer of name, date, description.
    private const int NameAt = 16;
    private const int DateAt = 32;
    private const int DescriptionAt = 48;
    private const int PointerAfterLength = 8;

    // The date is deprecated; programs want a string that is not empty.
    private const string Date = "0";

    /// <summary>VERSION: numbers and three strings.</summary>
    public static Failure? GetVersion(DrmIoctl call, Span<byte> data)
    {
        SetWord(data, 0, (uint)DrmDriver.Major);
        SetWord(data, 4, (uint)DrmDriver.Minor);
        SetWord(data, 8, 0);
        return call.CopyText(call.Driver.Name, data, NameAt, NameAt + PointerAfterLength)
            && call.CopyText(Date, data, DateAt, DateAt + PointerAfterLength)
            && call.CopyText(call.Driver.Description, data, DescriptionAt, DescriptionAt + PointerAfterLength)
            ? null
            : call.Refuse(Errno.EFAULT, "A string buffer cannot be written.", "argument");
    }

    /// <summary>GET_UNIQUE: all of the name or, if the buffer is too short, nothing but its length.</summary>
    public static Failure? GetUnique(DrmIoctl call, Span<byte> data)
    {
        string unique = call._file.Master?.Unique ?? "";
        ulong room = BinaryPrimitives.ReadUInt64LittleEndian(data);
        if (room < (ulong)unique.Length)
        {
            SetLong(data, 0, (ulong)unique.Length);
            return null;
        }

        ulong pointer = BinaryPrimitives.ReadUInt64LittleEndian(data[PointerAfterLength..]);
        bool copied = unique.Length == 0 || call._memory.TryWrite(pointer, System.Text.Encoding.ASCII.GetBytes(unique));
        if (!copied)
        {
            return call.Refuse(Errno.EFAULT, "The buffer cannot be written.", "argument");
        }

        SetLong(data, 0, (ulong)unique.Length);
        return null;
    }

    /// <summary>GET_MAGIC: a number by which a master can authenticate this client.</summary>
    public static Failure? GetMagic(DrmIoctl call, Span<byte> data)
    {
        if (call._file.Magic == 0)
        {
            call._file.Magic = call._file.Master!.AddMagic(call._file);
        }

        SetWord(data, 0, call._file.Magic);
        return null;
    }

    /// <summary>AUTH_MAGIC: EINVAL for a number that nobody has or that was used.</summary>
    public static Failure? AuthMagic(DrmIoctl call, Span<byte> data)
    {
        if (call._file.Master?.TakeMagic(Word(data, 0)) is not { } client)
        {
            return call.Refuse(Errno.EINVAL, $"No client waits with magic {Word(data, 0)}.", "magic");
        }

        client.Authenticated = true;
        return null;
    }

    /// <summary>GET_CLIENT: only the caller itself is told, as number 0.</summary>
    public static Failure? GetClient(DrmIoctl call, Span<byte> data)
    {
        if (Word(data, 0) != 0)
        {
            return call.Refuse(Errno.EINVAL, "Only client 0 is told.", "idx");
        }

        SetWord(data, 4, call._file.Authenticated ? 1u : 0);
        SetLong(data, 8, call._process.Pid);
        SetLong(data, 16, OverflowUid);
        data[24..40].Clear();
        return null;
    }

    /// <summary>GET_STATS: zeros.</summary>
    public static Failure? GetStatistics(DrmIoctl call, Span<byte> data)
    {
        data.Clear();
        return null;
    }

    /// <summary>SET_VERSION: checks what the caller wants, tells what there is, also after EINVAL.</summary>
    public static Failure? SetVersion(DrmIoctl call, Span<byte> data)
    {
        bool interfaceFits = Fits(data, 0, InterfaceMajor, InterfaceMinor);
        if (interfaceFits && (int)Word(data, 0) != -1 && (int)Word(data, 4) >= 1)
        {
            call._file.Master!.Unique = call.Driver.Name;
        }

        bool fits = interfaceFits && Fits(data, 8, DrmDriver.Major, DrmDriver.Minor);
        SetWord(data, 0, InterfaceMajor);
        SetWord(data, 4, InterfaceMinor);
        SetWord(data, 8, (uint)DrmDriver.Major);
        SetWord(data, 12, (uint)DrmDriver.Minor);
        return fits ? null : call.Refuse(Errno.EINVAL, "The version asked for does not exist.", "drm_di_major");
    }

    /// <summary>SET_MASTER.</summary>
    public static Failure? SetMaster(DrmIoctl call, Span<byte> data) =>
        !call.MayBeMaster ? call.Refuse(Errno.EACCES, "Only root, or who was master before, becomes master.", "fd")
        : call._file.IsCurrentMaster ? null
        : call._file.Device.Master is not null ? call.Refuse(Errno.EBUSY, "Another client is master.", "fd")
        : call._file.BecomeMaster();

    /// <summary>DROP_MASTER.</summary>
    public static Failure? DropMaster(DrmIoctl call, Span<byte> data)
    {
        if (!call.MayBeMaster || !call._file.IsCurrentMaster)
        {
            return call.Refuse(call.MayBeMaster ? Errno.EINVAL : Errno.EACCES, "The client is not the master.", "fd");
        }

        call._file.Device.Master = null;
        return null;
    }

    /// <summary>GET_CAP: a number that the driver does not know leaves the value 0.</summary>
    public static Failure? GetCap(DrmIoctl call, Span<byte> data)
    {
        Result<ulong> value = call._room.GetCap(call._process, call._fd, BinaryPrimitives.ReadUInt64LittleEndian(data));
        SetLong(data, 8, value.Ok ? value.Value : 0);
        return value.Failure;
    }

    /// <summary>SET_CLIENT_CAP: all of them are about display modes (S-GPU-25).</summary>
    public static Failure? SetClientCap(DrmIoctl call, Span<byte> data)
    {
        Errno errno = call.Driver.ClientCap(
            BinaryPrimitives.ReadUInt64LittleEndian(data), BinaryPrimitives.ReadUInt64LittleEndian(data[8..]), call._file);
        return errno == Errno.None ? null : call.Refuse(errno, $"{call.Driver.Name} does not take this.", "capability");
    }

    /// <summary>
    /// SET_CLIENT_NAME: up to 64 bytes that all show something, or none (S-GPU-29). Only debugfs shows the name, in a file that is not
    /// modelled, so nothing is kept of it.
    /// </summary>
    public static Failure? SetClientName(DrmIoctl call, Span<byte> data)
    {
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(data);
        if (length > LongestClientName)
        {
            return call.Refuse(Errno.EINVAL, $"A name of {length} bytes is longer than {LongestClientName}.", "name_len");
        }

        if (length != 0 && call._core.FaultPoints.Fails(FaultPoint.Failslab))
        {
            return call.Refuse(Errno.ENOMEM, "No memory for the name.");
        }

        Span<byte> name = stackalloc byte[(int)length];
        ulong pointer = BinaryPrimitives.ReadUInt64LittleEndian(data[PointerAfterLength..]);
        return length != 0 && !call._memory.TryRead(pointer, name) ? call.Fault(pointer, "copy name from user")
            : name.ContainsAnyExceptInRange((byte)'!', (byte)'~')
                ? call.Refuse(Errno.EINVAL, "The name has bytes that show nothing.", "name")
            : null;
    }

    private bool MayBeMaster => IsRoot || (_file.WasMaster && _file.OpenedBy == _process);

    private static bool Fits(ReadOnlySpan<byte> data, int at, int major, int minor)
    {
        int wantedMajor = (int)Word(data, at);
        int wantedMinor = (int)Word(data, at + 4);
        return wantedMajor == -1 || (wantedMajor == major && wantedMinor >= 0 && wantedMinor <= minor);
    }
}
