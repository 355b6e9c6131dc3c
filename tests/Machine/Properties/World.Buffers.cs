using System.Collections.Immutable;
using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Mappings;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.Memory.Store;
using CocoGuest.Machine.PageState.Views;
using CocoGuest.Machine.Profiles;
using CocoGuest.Tests.Machine.Guests;
using CocoGuest.Tests.Machine.Properties.Model;
using FileAccess = System.IO.FileAccess;

namespace CocoGuest.Tests.Machine.Properties;

/// <content>Buffers, mappings, CPU access, tokens, files.</content>
internal sealed partial class World
{
    private static readonly int[] Sizes =
        [4096, 4096, 4096, 8192, 12288, 20480, 65536, 65536, 69632, 135168, 1 << 20, (1 << 20) + 4096];

    private string Allocate(Random dice)
    {
        int size = Sizes[dice.Next(Sizes.Length)];
        return AllocateOne(AnyProcess(dice), size, size - dice.Next(4096), shared: dice.Next(5) < 2, readOnly: dice.Next(8) == 0);
    }

    private string AllocateOne(uint pid, int size, int asked, bool shared, bool readOnly)
    {
        bool flagged = Kernel == KernelVersion.SeedV1;
        Result<BufferHandle> result = Guest.Heaps.Allocate(
            ProcessOf(pid), shared && !flagged ? TestGuest.Shared : TestGuest.Private, (ulong)asked,
            readOnly ? 0u : 2u, shared && flagged ? 1UL : 0);
        Must(result.Failure);
        BufferHandle handle = result.Value;
        Violation.Unless(handle.Size == (ulong)size && handle.HostVisible == shared, $"asked for {size} bytes, shared {shared}: {handle}");
        int expected = Model.NextFd(pid);
        Violation.Unless(handle.Fd == expected, $"fd {handle.Fd} is not the lowest free one, {expected}");
        var buffer = new ModelBuffer(
            handle.Inode, handle.Size, shared, readOnly, Guest.Buffers.Stat(ProcessOf(pid), handle.Fd).Value.Chunks);
        Model = Model.Allocated(buffer, new ModelFd(pid, handle.Fd, handle.Inode));
        Shadow.Add(buffer);
        EverAllocated.UnionWith(buffer.Chunks);
        ReadPrivate(buffer);
        return Text($"{handle} {string.Join(',', buffer.Chunks.Select(c => c.Frame))}");
    }

    private string Release(Random dice) => Pick(dice, Model.Fds) is { } fd ? ReleaseOne(fd) : None;

    private string ReleaseOne(ModelFd fd)
    {
        Must(Guest.Buffers.Release(ProcessOf(fd.Pid), fd.Fd));
        Model = Model.Released(fd);
        return Text($"{fd.Pid}/{fd.Fd}");
    }

    private string Mmap(Random dice)
    {
        if (Pick(dice, Model.Fds) is not { } fd)
        {
            return None;
        }

        ModelBuffer buffer = Model.Buffers[fd.Inode];
        int pages = (int)(buffer.Size / Page.Size);
        ulong offset = dice.Next(3) == 0 ? (ulong)dice.Next(pages) * Page.Size : 0;
        ulong? length = dice.Next(2) == 0 ? null : (ulong)dice.NextInt64(1, (long)(buffer.Size - offset) + 1);
        bool copyOnWrite = dice.Next(6) == 0;
        Result<MmapResult> result = Guest.Mappings.Mmap(
            ProcessOf(fd.Pid), fd.Fd, offset, length, null, copyOnWrite ? MapFlags.Private : MapFlags.Shared);
        ulong size = Page.AlignUp(length ?? buffer.Size - offset);
        if (copyOnWrite && !InOneChunk(buffer, offset, size))
        {
            return MustFail(result.Failure, Errno.EINVAL);
        }

        Must(result.Failure);
        MmapResult map = result.Value;
        Violation.Unless(
            map.Length == size && (map.Backing is not null) == (buffer.Shared && !copyOnWrite), $"wrong mapping {map.Length} of {size}");
        if (map.Backing is { } backing)
        {
            _backings[buffer.Inode] = backing;
        }

        Model = Model with
        {
            Vmas = Model.Vmas.Add(new ModelVma(fd.Pid, map.Address, size, offset, buffer.Inode, copyOnWrite, !buffer.ReadOnly)),
        };
        return Text($"{map.Address:x}+{map.Length:x} backing {map.Backing?.Id}");
    }

    private static bool InOneChunk(ModelBuffer buffer, ulong offset, ulong size)
    {
        ulong start = 0;
        foreach (Chunk chunk in buffer.Chunks)
        {
            if (offset >= start && offset < start + chunk.Bytes)
            {
                return offset + size <= start + chunk.Bytes;
            }

            start += chunk.Bytes;
        }

        return false;
    }

    private string Munmap(Random dice) => Pick(dice, Model.Vmas) is { } vma ? MunmapOne(vma) : None;

    // What was stored is in the copy alone. The model does not follow copies, so the mapping goes.
    private string CheckCopy(ModelVma vma, int offset, byte[] bytes, Failure? failure)
    {
        if (failure is { Errno: Errno.ENOMEM })
        {
            return MunmapOne(vma);
        }

        Must(failure);
        byte[] seen = new byte[bytes.Length];
        Must(Guest.Mappings.Load(ProcessOf(vma.Pid), vma.Address + (ulong)offset, seen));
        Violation.Unless(seen.AsSpan().SequenceEqual(bytes), $"a copy on write shows something else than what was stored");
        return MunmapOne(vma);
    }

    private string MunmapOne(ModelVma vma)
    {
        Must(Guest.Mappings.Munmap(ProcessOf(vma.Pid), vma.Address));
        Model = Model.Unmapped(vma);
        return Text($"{vma.Address:x}");
    }

    private string Store(Random dice)
    {
        // Mostly to private memory, where secrets go.
        ImmutableList<ModelVma> hidden = Model.Vmas.FindAll(
            v => v is { Writable: true, CopyOnWrite: false } && !Model.Buffers[v.Inode].Shared);
        return Pick(dice, dice.Next(3) == 0 || hidden.IsEmpty ? Model.Vmas : hidden) is { } vma ? StoreTo(dice, vma) : None;
    }

    private string StoreTo(Random dice, ModelVma vma)
    {
        (int offset, int length) = Part(dice, vma.Length);
        bool shared = Model.Buffers[vma.Inode].Shared;
        byte[] bytes = shared ? Markers.Public(length) : Markers.Secret(length);
        Failure? failure = Guest.Mappings.Store(ProcessOf(vma.Pid), vma.Address + (ulong)offset, bytes);
        if (!vma.Writable)
        {
            return MustFail(failure, Errno.EFAULT);
        }

        if (vma.CopyOnWrite)
        {
            return CheckCopy(vma, offset, bytes, failure);
        }

        Must(failure);
        bytes.CopyTo(Shadow.Cpu(vma.Inode), (int)vma.Offset + offset);
        return Text($"{vma.Address:x}+{offset}: {length}");
    }

    private string Load(Random dice)
    {
        if (Pick(dice, Model.Vmas) is not { } vma)
        {
            return None;
        }

        (int offset, int length) = Part(dice, vma.Length);
        byte[] bytes = new byte[length];
        Must(Guest.Mappings.Load(ProcessOf(vma.Pid), vma.Address + (ulong)offset, bytes));
        SameBytes(Shadow.Cpu(vma.Inode).AsSpan((int)vma.Offset + offset, length), bytes,
            $"load of buffer {vma.Inode} at {vma.Offset}+{offset}");
        return Hex(bytes);
    }

    /// <summary>Reads all of a private buffer through the guest's own view, mapped or not.</summary>
    private void ReadPrivate(ModelBuffer buffer)
    {
        if (buffer.Shared)
        {
            return;
        }

        ulong start = 0;
        foreach (Chunk chunk in buffer.Chunks)
        {
            using var plan = new AccessPlan();
            byte[] bytes = new byte[chunk.Bytes];
            Must(Guest.Access.Plan(plan, ViewAccessor.GuestPrivateMapping, chunk.Address, chunk.Bytes, false, "check"));
            plan.Read(bytes);
            SameBytes(Shadow.Cpu(buffer.Inode).AsSpan((int)start, bytes.Length), bytes, $"private buffer {buffer.Inode} at {start}");
            start += chunk.Bytes;
        }
    }

    /// <summary>Reads everything that is private or mapped.</summary>
    public void LoadAll()
    {
        foreach (ModelBuffer buffer in Model.Buffers.Values)
        {
            ReadPrivate(buffer);
        }

        foreach (ModelVma vma in Model.Vmas)
        {
            for (ulong at = 0; at < vma.Length; at += GuestLimits.BytesPerAccess)
            {
                byte[] bytes = new byte[Math.Min(GuestLimits.BytesPerAccess, vma.Length - at)];
                Must(Guest.Mappings.Load(ProcessOf(vma.Pid), vma.Address + at, bytes));
                SameBytes(Shadow.Cpu(vma.Inode).AsSpan((int)(vma.Offset + at), bytes.Length), bytes,
                    $"load of buffer {vma.Inode} at {vma.Offset}+{at}");
            }
        }
    }

    /// <summary>Some private buffers of all kinds of chunks, mapped and full of secrets.</summary>
    public void Prime()
    {
        var dice = new Random(1);
        foreach (int size in new[] { 4096, 69632, 135168, 1 << 20 })
        {
            AllocateOne(Test.Init.Pid, size, size, shared: false, readOnly: false);
            ModelFd fd = Model.Fds[^1];
            MmapResult map = Guest.Mappings.Mmap(Test.Init, fd.Fd, 0, null, null, MapFlags.Shared).Value;
            var vma = new ModelVma(Test.Init.Pid, map.Address, map.Length, 0, fd.Inode, CopyOnWrite: false, Writable: true);
            Model = Model with { Vmas = Model.Vmas.Add(vma) };
            for (int i = 0; i < 8; i++)
            {
                StoreTo(dice, vma);
            }
        }
    }

    private static (int Offset, int Length) Part(Random dice, ulong size)
    {
        int length = (int)Math.Min(size, (ulong)(dice.Next(4) == 0 ? dice.Next(1, 9000) : dice.Next(1, 80)));
        int offset = dice.Next((int)size - length + 1);
        return (dice.Next(2) == 0 ? offset & ~15 : offset, length);
    }

    private string OpenFd(Random dice)
    {
        if (_backings.Count == 0 || Files.Count >= MostFiles)
        {
            return None;
        }

        ulong inode = _backings.Keys.Order().ElementAt(dice.Next(_backings.Count));
        Result<Microsoft.Win32.SafeHandles.SafeFileHandle> fd = _backings[inode].OpenFd();
        if (!Model.Buffers.TryGetValue(inode, out ModelBuffer? buffer))
        {
            return MustFail(fd.Failure, Errno.ENOENT);
        }

        Must(fd.Failure);
        var file = new FileStream(fd.Value, buffer.ReadOnly ? FileAccess.Read : FileAccess.ReadWrite, 1);
        Files.Add((inode, file));
        if (!buffer.ReadOnly && dice.Next(2) == 0)
        {
            // A client writes through its own mapping of the memory.
            (int offset, int length) = Part(dice, buffer.Size);
            byte[] bytes = Markers.Public(length);
            RandomAccess.Write(file.SafeFileHandle, bytes, offset);
            bytes.CopyTo(Shadow.Cpu(inode), offset);
        }

        return Text($"{inode}");
    }

    private string Export(Random dice)
    {
        if (Pick(dice, Model.Fds) is not { } fd)
        {
            return None;
        }

        uint addressee = dice.Next(3) == 0 ? AnyProcess(dice) : 0;
        TimeSpan life = dice.Next(2) == 0 ? TimeSpan.Zero : TimeSpan.FromSeconds(dice.Next(1, 200));
        Result<Handle128> result = Guest.Buffers.Export(
            ProcessOf(fd.Pid), fd.Fd, addressee == 0 ? null : ProcessOf(addressee).Handle, life);
        Must(result.Failure);
        long expires = Test.Time.GetTimestamp() + (life == TimeSpan.Zero ? GuestLimits.DefaultTokenLife : life).Ticks;
        Model = Model with { Tokens = Model.Tokens.Add(new ModelToken(result.Value, fd.Inode, addressee, expires)) };
        return result.Value.ToString();
    }

    private string Import(Random dice)
    {
        if (Pick(dice, Model.Tokens) is not { } token)
        {
            return None;
        }

        uint pid = AnyProcess(dice);
        Result<BufferHandle> result = Guest.Buffers.Import(ProcessOf(pid), token.Token);
        if (token.Addressee != 0 && token.Addressee != pid)
        {
            return MustFail(result.Failure, Errno.ENOENT);
        }

        Must(result.Failure);
        int expected = Model.NextFd(pid);
        Violation.Unless(result.Value.Fd == expected && result.Value.Inode == token.Inode, $"token of {token.Inode} gave {result.Value}");
        Model = Model.Imported(token, new ModelFd(pid, result.Value.Fd, token.Inode));
        return result.Value.ToString();
    }

    private string Advance(TimeSpan by)
    {
        Test.Time.Advance(by);
        Guest.Buffers.ExpireTokens();
        Model = Model.Expired(Test.Time.GetTimestamp());
        return Text($"{by.TotalSeconds} s");
    }
}
