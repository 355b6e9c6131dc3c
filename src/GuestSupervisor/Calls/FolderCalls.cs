using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using CocoGuest.Linux.Processes;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Tree;
using CocoGuest.Supervisor.Files;
using CocoGuest.Supervisor.Target;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Supervisor.Calls;

/// <summary>getdents64 of a guest's folder, and of one of the host's that the guest has names in.</summary>
internal sealed class FolderCalls(HandlerContext context)
{
    private const int HeaderBytes = 19;
    private const int Alignment = 8;
    private const int MostBytes = 1 << 16;
    private const int LengthAt = 16;
    private const int LongestEntry = 280;

    /// <summary>Lists, without the lock, a folder of the host that the guest has names in.</summary>
    /// <returns>False: the call was ended.</returns>
    public bool Prepare(StoppedCall call)
    {
        if (context.FileAt(call, call.Int(0)) is not null)
        {
            return true;
        }

        if (!ReadShared(call))
        {
            call.Continue();
        }

        return false;
    }

    /// <summary>Handles getdents64: as many whole entries as fit; 0 at the end, EINVAL when not even one fits.</summary>
    public void Read(StoppedCall call)
    {
        if (context.Ours(call, call.Int(0)) is not { } ours)
        {
            return;
        }

        if (ours.File.Folder is not { } folder)
        {
            call.Fail(Errno.ENOTDIR);
            return;
        }

        Span<byte> bytes = new byte[Math.Min(call.UInt(2), MostBytes)];
        int length = 0;
        int position = folder.Position;
        while (position < folder.Entries.Count && Write(bytes[length..], folder.Entries[position], position + 1) is var written and > 0)
        {
            length += written;
            position++;
        }

        if (length == 0 && position < folder.Entries.Count)
        {
            call.Fail(Errno.EINVAL);
        }
        else
        {
            folder.Position = position;
            call.EndWith(call[1], bytes[..length], length);
        }
    }

    // The guest's names come first, before the host's folder was read at all; a name that both have is the guest's.
    private bool ReadShared(StoppedCall call)
    {
        if (ProcFolder.LinkOf(call.Tid, string.Create(CultureInfo.InvariantCulture, $"fd/{call.Int(0)}")) is not { } path
            || context.Guest.Tree.SharedEntries(path) is not { Length: > 0 } entries
            || HandleOf(call) is not { } process)
        {
            return false;
        }

        byte[] bytes = new byte[Math.Min(call.UInt(2), MostBytes)];
        int own = 0;
        using SafeFileHandle? folder = PidFd.TakeFd(process, call.Int(0));
        if (folder is null || bytes.Length < entries.Sum(e => LengthOf(e.Name)) + LongestEntry)
        {
            return false;
        }

        if (HostFile.PositionOf(folder) == 0)
        {
            foreach (TreeEntry entry in entries)
            {
                own += Write(bytes.AsSpan(own), new FolderEntry(entry.Name, entry.Inode, entry.Type), 0);
            }
        }

        HashSet<string> names = [.. entries.Select(e => e.Name)];
        int read;
        int kept;
        do
        {
            read = HostFile.ReadFolder(folder, bytes.AsSpan(own));
            kept = read > 0 ? Without(names, bytes.AsSpan(own, read)) : 0;
        }
        while (read > 0 && own + kept == 0);

        if (read < 0)
        {
            call.Fail((Errno)(-read));
        }
        else if (!call.Memory.TryWrite(call[1], bytes.AsSpan(0, own + kept)))
        {
            call.Fail(Errno.EFAULT);
        }
        else
        {
            call.Return(own + kept);
        }

        return true;
    }

    private SafeFileHandle? HandleOf(StoppedCall call)
    {
        lock (context.Gate)
        {
            return context.Processes.Of(call.Tid) is { Ok: true } process ? process.Value.Handle : null;
        }
    }

    // Takes entries out of a buffer; what is left.
    private static int Without(HashSet<string> names, Span<byte> entries)
    {
        int kept = 0;
        for (int at = 0; at < entries.Length;)
        {
            Span<byte> entry = entries.Slice(at, BinaryPrimitives.ReadUInt16LittleEndian(entries[(at + LengthAt)..]));
            at += entry.Length;
            ReadOnlySpan<byte> name = entry[HeaderBytes..];
            if (!names.Contains(Encoding.UTF8.GetString(name[..name.IndexOf((byte)0)])))
            {
                entry.CopyTo(entries[kept..]);
                kept += entry.Length;
            }
        }

        return kept;
    }

    /// <summary>lseek of a folder: the position is the number of the next entry, as getdents64 gives it.</summary>
    public static Result<long> Seek(FolderListing folder, long offset, int whence)
    {
        const int set = 0;
        const int current = 1;
        long target = whence == set ? offset : whence == current ? folder.Position + offset : -1;
        if (target < 0 || target > folder.Entries.Count)
        {
            return Errno.EINVAL.AsFailure("lseek", "offset");
        }

        folder.Position = (int)target;
        return target;
    }

    private static int LengthOf(string name) => (HeaderBytes + name.Length + Alignment) / Alignment * Alignment;

    // struct linux_dirent64; 0: it does not fit.
    private static int Write(Span<byte> target, FolderEntry entry, long next)
    {
        byte[] name = Encoding.Latin1.GetBytes(entry.Name);
        int length = LengthOf(entry.Name);
        if (length > target.Length)
        {
            return 0;
        }

        target[..length].Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(target, entry.Inode);
        BinaryPrimitives.WriteInt64LittleEndian(target[8..], next);
        BinaryPrimitives.WriteUInt16LittleEndian(target[16..], (ushort)length);
        target[18] = entry.Type;
        name.CopyTo(target[HeaderBytes..]);
        return length;
    }
}
