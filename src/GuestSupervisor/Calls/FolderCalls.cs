using System.Buffers.Binary;
using System.Text;
using CocoGuest.Machine;
using CocoGuest.Supervisor.Files;

namespace CocoGuest.Supervisor.Calls;

/// <summary>getdents64 of a guest's folder.</summary>
internal sealed class FolderCalls(GuestCalls calls)
{
    private const int HeaderBytes = 19;
    private const int Alignment = 8;
    private const int MostBytes = 1 << 16;

    /// <summary>Handles getdents64: as many whole entries as fit; 0 at the end, EINVAL when not even one fits.</summary>
    public void Read(StoppedCall call)
    {
        if (calls.Ours(call, call.Int(0)) is not { } ours)
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
        else if (!call.Memory.TryWrite(call[1], bytes[..length]))
        {
            call.Fail(Errno.EFAULT);
        }
        else
        {
            folder.Position = position;
            call.Return(length);
        }
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

    // struct linux_dirent64; 0: it does not fit.
    private static int Write(Span<byte> target, FolderEntry entry, long next)
    {
        byte[] name = Encoding.Latin1.GetBytes(entry.Name);
        int length = (HeaderBytes + name.Length + Alignment) / Alignment * Alignment;
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
