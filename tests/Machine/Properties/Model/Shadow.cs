using CocoGuest.Machine.Memory.Encryption;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Tests.Machine.Properties.Model;

/// <summary>
/// What every buffer holds in the eyes of its CPU mappings, and what every bounced attachment's slots hold. Cipher text is worked out with
/// the engine, whose own tests are elsewhere.
/// </summary>
internal sealed class Shadow(Platform platform, XexEngine engine)
{
    private const int Block = 16;
    private readonly Dictionary<ulong, byte[]> _cpu = [];
    private readonly Dictionary<ulong, byte[]> _bounce = [];

    public byte[] Cpu(ulong inode) => _cpu[inode];

    public byte[] Bounce(ulong attachment) => _bounce[attachment];

    /// <summary>A new buffer: zeros (S-SYS-05); seen shared on SEV the cipher text of zeros (S-SYS-27).</summary>
    public void Add(ModelBuffer buffer)
    {
        byte[] bytes = new byte[buffer.Size];
        _cpu[buffer.Inode] = bytes;
        ulong start = 0;
        foreach (Chunk chunk in buffer.Chunks)
        {
            if (buffer.Shared && platform is Platform.Sev or Platform.SevEs)
            {
                Span<byte> part = bytes.AsSpan((int)start, (int)chunk.Bytes);
                engine.Encrypt(part, part, chunk.Address);
            }

            start += chunk.Bytes;
        }
    }

    /// <summary>swiotlb copies the whole buffer at map, whatever the direction (S-SWI-34).</summary>
    public void Map(ModelAttachment attachment) => _bounce[attachment.Id] = [.. Cpu(attachment.Inode)];

    /// <summary>From slots to buffer: unmap of anything but TO_DEVICE, START of READ or RW (S-SWI-40, S-BUF-65).</summary>
    public void ToBuffer(ModelAttachment attachment) => Bounce(attachment.Id).CopyTo(Cpu(attachment.Inode), 0);

    /// <summary>From buffer to slots: END of WRITE or RW.</summary>
    public void ToDevice(ModelAttachment attachment) => Cpu(attachment.Inode).CopyTo(Bounce(attachment.Id), 0);

    /// <summary>What lies in DRAM under the guest's key.</summary>
    public byte[] CipherOf(ModelBuffer buffer, ulong offset, int length)
    {
        byte[] blocks = Blocks(buffer, offset, length, out int skip);
        engine.Encrypt(blocks, blocks, AddressOf(buffer, offset - (ulong)skip));
        return blocks[skip..(skip + length)];
    }

    /// <summary>A write to DRAM without the key: the blocks it touches become garbage (S-PLAT-10).</summary>
    public void WriteCipher(ModelBuffer buffer, ulong offset, ReadOnlySpan<byte> bytes)
    {
        byte[] blocks = Blocks(buffer, offset, bytes.Length, out int skip);
        ulong address = AddressOf(buffer, offset - (ulong)skip);
        engine.Encrypt(blocks, blocks, address);
        bytes.CopyTo(blocks.AsSpan(skip));
        engine.Decrypt(blocks, blocks, address);
        blocks.CopyTo(Cpu(buffer.Inode), (int)offset - skip);
    }

    /// <summary>Guest-physical address of a byte of a buffer.</summary>
    public static ulong AddressOf(ModelBuffer buffer, ulong offset)
    {
        foreach (Chunk chunk in buffer.Chunks)
        {
            if (offset < chunk.Bytes)
            {
                return chunk.Address + offset;
            }

            offset -= chunk.Bytes;
        }

        throw new ArgumentOutOfRangeException(nameof(offset));
    }

    private byte[] Blocks(ModelBuffer buffer, ulong offset, int length, out int skip)
    {
        skip = (int)(offset % Block);
        int whole = (skip + length + Block - 1) / Block * Block;
        return Cpu(buffer.Inode).AsSpan((int)offset - skip, whole).ToArray();
    }
}
