using System.Globalization;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Core;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Gate;
using CocoGuest.Machine.Memory.Store;
using CocoGuest.Machine.PageState.Views;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine.Mappings;

/// <summary>
/// memfd_create and what is done with such files: size, seals, holes, content.
/// Models: the checks of seals (shrink, grow, write), EBUSY for F_SEAL_WRITE while pages are pinned (what udmabuf does).
/// Does not model: mmap of the file, names, F_SEAL_EXEC's meaning.
/// </summary>
public sealed class GuestMemfds
{
    private const FileSeals KnownSeals =
        FileSeals.Seal | FileSeals.Shrink | FileSeals.Grow | FileSeals.Write | FileSeals.FutureWrite | FileSeals.Exec;

    private readonly GuestCore _core;
    private readonly GuestGate _gate;
    private readonly GuestFiles _files;

    internal GuestMemfds(GuestCore core, GuestFiles files)
    {
        _core = core;
        _gate = core.Gate;
        _files = files;
    }

    /// <summary>memfd_create.</summary>
    /// <param name="process">The caller.</param>
    /// <param name="allowSealing">MFD_ALLOW_SEALING.</param>
    /// <param name="hugePages">MFD_HUGETLB, pages of 2 MiB.</param>
    /// <param name="closeOnExec">MFD_CLOEXEC.</param>
    /// <returns>A fd of an empty file; EMFILE.</returns>
    public Result<int> Create(GuestProcess process, bool allowSealing, bool hugePages = false, bool closeOnExec = false)
    {
        using CallScope call = _gate.Enter(process);
        return (call.Refused ?? GuestFiles.Reserve(process, "memfd_create")) is { } refused
            ? refused
            : GuestFiles.InstallReserved(
                process, new ShmemFile(_core.SinglePages, _files.NextInode(), allowSealing, hugePages), closeOnExec);
    }

    /// <summary>ftruncate.</summary>
    /// <returns>EPERM where a seal forbids it; EINVAL for a length that is not of whole huge pages or above 2^63 − 1.</returns>
    public Failure? Truncate(GuestProcess process, int fd, ulong size)
    {
        using Lock.Scope held = _gate.Hold();
        Result<ShmemFile> file = Find(process, fd, "ftruncate");
        if (!file.Ok)
        {
            return file.Failure;
        }

        if (size > long.MaxValue || (file.Value.Order != 0 && size % file.Value.BlockBytes != 0))
        {
            return new Failure(Errno.EINVAL, "ftruncate", "check length", $"length {size} is no size of this file.", "length");
        }

        FileSeals needed = size < file.Value.Size ? FileSeals.Shrink : size > file.Value.Size ? FileSeals.Grow : FileSeals.None;
        if ((file.Value.Seals & needed) != 0)
        {
            return new Failure(Errno.EPERM, "ftruncate", "check seals", $"The file is sealed against it ({file.Value.Seals}).", "length");
        }

        file.Value.Resize(size);
        return null;
    }

    /// <summary>F_ADD_SEALS.</summary>
    /// <returns>EPERM once F_SEAL_SEAL is set, EINVAL for unknown bits, EBUSY for F_SEAL_WRITE while pages are pinned.</returns>
    public Failure? AddSeals(GuestProcess process, int fd, FileSeals seals)
    {
        using Lock.Scope held = _gate.Hold();
        Result<ShmemFile> file = Find(process, fd, "F_ADD_SEALS");
        if (!file.Ok)
        {
            return file.Failure;
        }

        if ((seals & ~KnownSeals) != 0)
        {
            return new Failure(Errno.EINVAL, "F_ADD_SEALS", "check seals", $"seals 0x{(int)seals:x} have unknown bits.", "seals");
        }

        if (file.Value.Seals.HasFlag(FileSeals.Seal))
        {
            return new Failure(Errno.EPERM, "F_ADD_SEALS", "check seals", "The file takes no further seals.", "seals");
        }

        if (seals.HasFlag(FileSeals.Write) && !file.Value.Seals.HasFlag(FileSeals.Write) && file.Value.Pinned)
        {
            return new Failure(Errno.EBUSY, "F_ADD_SEALS", "wait for pins",
                "Somebody holds pages of the file, so it cannot be sealed against writing.", "seals");
        }

        file.Value.Seals |= seals;
        return null;
    }

    /// <summary>F_GET_SEALS.</summary>
    public Result<FileSeals> GetSeals(GuestProcess process, int fd)
    {
        using Lock.Scope held = _gate.Hold();
        Result<ShmemFile> file = Find(process, fd, "F_GET_SEALS");
        return file.Ok ? file.Value.Seals : file.Failure;
    }

    /// <summary>fallocate with PUNCH_HOLE and KEEP_SIZE of whole pages: they read zero, whoever pinned them keeps them.</summary>
    /// <returns>EPERM when sealed against writing; EINVAL for a length of 0.</returns>
    public Failure? PunchHole(GuestProcess process, int fd, ulong offset, ulong length)
    {
        using Lock.Scope held = _gate.Hold();
        Result<ShmemFile> file = Find(process, fd, "fallocate");
        if (!file.Ok)
        {
            return file.Failure;
        }

        ulong block = file.Value.BlockBytes;
        if (length == 0 || offset % block != 0 || length % block != 0 || offset > long.MaxValue || length > long.MaxValue)
        {
            return new Failure(Errno.EINVAL, "fallocate", "check range", $"{offset} + {length} are not whole pages of the file.", "length");
        }

        if ((file.Value.Seals & (FileSeals.Write | FileSeals.FutureWrite)) != 0)
        {
            return new Failure(Errno.EPERM, "fallocate", "check seals", "The file is sealed against writing.", "fd");
        }

        file.Value.Punch(offset / block, (offset + length) / block);
        return null;
    }

    /// <summary>pread: bytes up to the file's end; holes read zero.</summary>
    /// <returns>Bytes read; EINVAL beyond 1 MiB.</returns>
    public Result<int> Read(GuestProcess process, int fd, ulong offset, Span<byte> target)
    {
        using Lock.Scope held = _gate.Hold();
        Result<ShmemFile> file = Find(process, fd, "pread");
        if (!file.Ok)
        {
            return file.Failure;
        }

        if (GuestLimits.CheckAccessLength("pread", (ulong)target.Length) is { } tooLong)
        {
            return tooLong;
        }

        int wanted = offset >= file.Value.Size ? 0 : (int)Math.Min(file.Value.Size - offset, (ulong)target.Length);
        for (int done = 0; done < wanted;)
        {
            (ulong block, ulong inside, int length) = Step(file.Value, offset + (ulong)done, wanted - done);
            Span<byte> part = target.Slice(done, length);
            part.Clear();
            using var plan = new AccessPlan();
            if (file.Value.Find(block) is { } page)
            {
                if (Plan(plan, page, inside, length, write: false, "pread") is { } failure)
                {
                    return failure;
                }

                plan.Read(part);
            }

            done += length;
        }

        return wanted;
    }

    /// <summary>pwrite inside the file's size.</summary>
    /// <returns>
    /// Bytes written; EPERM when sealed against writing; EINVAL beyond the size, which here must be set first, or 1 MiB; ENOMEM.
    /// </returns>
    public Result<int> Write(GuestProcess process, int fd, ulong offset, ReadOnlySpan<byte> source)
    {
        using Lock.Scope held = _gate.Hold();
        Result<ShmemFile> file = Find(process, fd, "pwrite");
        if (!file.Ok)
        {
            return file.Failure;
        }

        if ((GuestLimits.CheckAccessLength("pwrite", (ulong)source.Length)
            ?? CheckWrite(file.Value, offset, (ulong)source.Length)) is { } refused)
        {
            return refused;
        }

        for (int done = 0; done < source.Length;)
        {
            (ulong block, ulong inside, int length) = Step(file.Value, offset + (ulong)done, source.Length - done);
            if (file.Value.Fault(block) is not { } page)
            {
                return new Failure(Errno.ENOMEM, "pwrite", "allocate page", "The guest has no free page.");
            }

            using var plan = new AccessPlan();
            if (Plan(plan, page, inside, length, write: true, "pwrite") is { } failure)
            {
                return failure;
            }

            plan.Write(source.Slice(done, length));
            done += length;
        }

        return source.Length;
    }

    private static Failure? CheckWrite(ShmemFile file, ulong offset, ulong length) =>
        (file.Seals & (FileSeals.Write | FileSeals.FutureWrite)) != 0
            ? new Failure(Errno.EPERM, "pwrite", "check seals", "The file is sealed against writing.", "fd")
        : offset > file.Size || length > file.Size - offset
            ? new Failure(Errno.EINVAL, "pwrite", "check range", string.Create(CultureInfo.InvariantCulture,
                $"{offset} + {length} ends behind the file of {file.Size} bytes; set its size first."), "offset")
        : null;

    // The part of an access that lies in one block.
    private static (ulong Block, ulong Inside, int Length) Step(ShmemFile file, ulong offset, int left)
    {
        ulong inside = offset % file.BlockBytes;
        return (offset / file.BlockBytes, inside, (int)Math.Min(file.BlockBytes - inside, (ulong)left));
    }

    private Failure? Plan(AccessPlan plan, ShmemPage page, ulong inside, int length, bool write, string operation) =>
        _core.Access.Plan(plan, ViewAccessor.GuestPrivateMapping, page.Block.Address + inside, (ulong)length, write, operation);

    private Result<ShmemFile> Find(GuestProcess process, int fd, string operation) =>
        _files.Find<ShmemFile>(process, fd, operation, Errno.EINVAL);
}
