using System.Buffers.Binary;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.DmaBufs;

namespace CocoGuest.Machine.Drm;

/// <content>Objects, PRIME and fences: the calls of <see cref="GuestDrm"/> with their structures taken apart.</content>
internal sealed partial class DrmIoctl
{
    // struct drm_prime_handle {u32 handle; u32 flags; s32 fd}.
    private const int FlagsAt = 4;
    private const int FdAt = 8;

    // struct drm_mode_create_dumb {u32 height, width, bpp, flags, handle, pitch; u64 size}.
    private const int WidthAt = 4;
    private const int DepthAt = 8;
    private const int HandleAt = 16;
    private const int PitchAt = 20;
    private const int SizeAt = 24;

    // struct drm_vgem_fence_attach {u32 handle, flags, out_fence, pad}.
    private const int OutFenceAt = 8;
    private const int PadAt = 12;

    /// <summary>GEM_CLOSE.</summary>
    public static Failure? CloseGem(DrmIoctl call, Span<byte> data) => call._room.GemClose(call._process, call._fd, Word(data, 0));

    /// <summary>GEM_FLINK: a name by which other clients of the device can open the object.</summary>
    public static Failure? NameGem(DrmIoctl call, Span<byte> data)
    {
        if (call._file.Find(Word(data, 0)) is not { } gem)
        {
            return call.Refuse(Errno.ENOENT, $"This client has no handle {Word(data, 0)}.", "handle");
        }

        SetWord(data, 4, call._file.Device.NameOf(gem));
        return null;
    }

    /// <summary>GEM_OPEN: a new handle on the object with a name.</summary>
    public static Failure? OpenGem(DrmIoctl call, Span<byte> data)
    {
        if (call._file.Device.FindNamed(Word(data, 0)) is not { } gem)
        {
            return call.Refuse(Errno.ENOENT, $"No object has name {Word(data, 0)}.", "name");
        }

        SetWord(data, 4, call._file.Add(gem));
        SetLong(data, 8, gem.Size);
        return null;
    }

    /// <summary>PRIME_HANDLE_TO_FD. The fd is installed before the copy back: a fault there leaves it (S-GPU-20).</summary>
    public static Failure? HandleToFd(DrmIoctl call, Span<byte> data)
    {
        Result<BufferHandle> made = call._room.HandleToFd(call._process, call._fd, Word(data, 0), Word(data, FlagsAt));
        if (made.Ok)
        {
            call._call.Note(made.Value.Fd, call.Operation);
            BinaryPrimitives.WriteInt32LittleEndian(data[FdAt..], made.Value.Fd);
        }

        return made.Failure;
    }

    /// <summary>PRIME_FD_TO_HANDLE.</summary>
    public static Failure? FdToHandle(DrmIoctl call, Span<byte> data)
    {
        Result<uint> made = call._room.FdToHandle(call._process, call._fd, BinaryPrimitives.ReadInt32LittleEndian(data[FdAt..]));
        if (made.Ok)
        {
            SetWord(data, 0, made.Value);
        }

        return made.Failure;
    }

    /// <summary>MODE_CREATE_DUMB: sizes that pass the checks clear what is told back before anything can fail.</summary>
    public static Failure? CreateDumb(DrmIoctl call, Span<byte> data)
    {
        Result<DumbBuffer> made = call._room.CreateDumb(call._process, call._fd, Word(data, WidthAt), Word(data, 0), Word(data, DepthAt));
        if (made.Ok || made.Failure.Errno != Errno.EINVAL)
        {
            SetWord(data, HandleAt, made.Ok ? made.Value.Handle : 0);
            SetWord(data, PitchAt, made.Ok ? made.Value.Pitch : 0);
            SetLong(data, SizeAt, made.Ok ? made.Value.Size : 0);
        }

        return made.Failure;
    }

    /// <summary>MODE_MAP_DUMB.</summary>
    public static Failure? MapDumb(DrmIoctl call, Span<byte> data)
    {
        Result<ulong> offset = call._room.MapDumb(call._process, call._fd, Word(data, 0));
        if (offset.Ok)
        {
            SetLong(data, 8, offset.Value);
        }

        return offset.Failure;
    }

    /// <summary>MODE_DESTROY_DUMB: the same as closing the handle.</summary>
    public static Failure? DestroyDumb(DrmIoctl call, Span<byte> data) => call._room.GemClose(call._process, call._fd, Word(data, 0));

    /// <summary>VGEM_FENCE_ATTACH.</summary>
    public static Failure? AttachFence(DrmIoctl call, Span<byte> data)
    {
        if (Word(data, PadAt) != 0)
        {
            return call.Refuse(Errno.EINVAL, "The padding must be 0.", "pad");
        }

        Result<uint> fence = call._room.AttachFence(call._process, call._fd, Word(data, 0), Word(data, FlagsAt));
        if (fence.Ok)
        {
            SetWord(data, OutFenceAt, fence.Value);
        }

        return fence.Failure;
    }

    /// <summary>VGEM_FENCE_SIGNAL.</summary>
    public static Failure? SignalFence(DrmIoctl call, Span<byte> data) => Word(data, FlagsAt) != 0
        ? call.Refuse(Errno.EINVAL, "There are no flags.", "flags")
        : call._room.SignalFence(call._process, call._fd, Word(data, 0));
}
