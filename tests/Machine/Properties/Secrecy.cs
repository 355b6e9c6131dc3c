using System.Text;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Dma.Swiotlb;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Tests.Machine.Properties.Model;

namespace CocoGuest.Tests.Machine.Properties;

/// <summary>
/// Looks for secrets in everything that the untrusted side can see: all memory ever handed out and the whole bounce pool, as the host reads
/// it and as an ordinary device does, every file given to clients, the kernel log, sentences of failures. A secret may be in the pool only,
/// and only if Linux bounced it; the machine then has to say so in its counters (S-SWI-35).
/// </summary>
internal sealed class Secrecy(World world, Secrecy.Reader? hostRead = null)
{
    private const int Piece = 1 << 20;
    private readonly byte[] _buffer = new byte[Piece + Markers.Length];
    private readonly Reader _hostRead = hostRead ?? world.Guest.HostView.Read;

    /// <summary>A view of physical memory.</summary>
    public delegate Failure? Reader(ulong address, Span<byte> target);

    /// <summary>Secrets found in the pool, where they may be.</summary>
    public int FoundInPool { get; private set; }

    public void Check()
    {
        foreach ((ulong start, ulong length) in Ranges())
        {
            if (world.HostFaults)
            {
                ScanByPage(start, length);
            }
            else
            {
                Scan(_hostRead, start, length, "host");
            }

            ScanByDevice(start, length);
        }

        CheckFiles();
        CheckTexts();
    }

    private IEnumerable<(ulong Start, ulong Length)> Ranges()
    {
        FrameRange pool = world.Guest.Memory.Layout.Pool;
        yield return (pool.Address, pool.Bytes);
        ulong start = 0;
        ulong end = 0;
        foreach (Chunk chunk in world.EverAllocated.OrderBy(c => c.Frame))
        {
            if (chunk.Address > end)
            {
                if (end != start)
                {
                    yield return (start, end - start);
                }

                start = chunk.Address;
            }

            end = Math.Max(end, chunk.Address + chunk.Bytes);
        }

        if (end != start)
        {
            yield return (start, end - start);
        }
    }

    private void Scan(Reader read, ulong start, ulong length, string who)
    {
        // Pieces overlap, so that no secret lies on a border.
        for (ulong at = 0; at < length; at += Piece)
        {
            Span<byte> bytes = _buffer.AsSpan(0, (int)Math.Min(length - at, Piece));
            Violation.Unless(read(start + at, bytes) is null, $"{who} cannot read 0x{start + at:x}");
            Judge(bytes, start + at, who);
            if (at + Piece < length)
            {
                Span<byte> border = _buffer.AsSpan(0, Markers.Length);
                Violation.Unless(read(start + at + Piece - (Markers.Length / 2), border) is null, $"{who} cannot read a border");
                Judge(border, start + at + Piece - (Markers.Length / 2), who);
            }
        }
    }

    // A host that faults on private pages sees nothing of them, and the others one by one.
    private void ScanByPage(ulong start, ulong length)
    {
        Span<byte> bytes = _buffer.AsSpan(0, (int)Page.Size);
        for (ulong at = 0; at < length; at += Page.Size)
        {
            bytes.Clear();
            bool fault = _hostRead(start + at, bytes) is not null;
            Violation.Unless(!fault || !bytes.ContainsAnyExcept((byte)0), $"a host fault at 0x{start + at:x} moved bytes");
            Judge(bytes, start + at, "host");
        }
    }

    private void ScanByDevice(ulong start, ulong length)
    {
        for (ulong at = 0; at < length;)
        {
            ulong address = world.Guest.Dma.Environment.Encoding.Unencrypted(start + at);
            Span<byte> bytes = _buffer.AsSpan(0, (int)Math.Min(length - at, Piece));
            if (world.Guest.Devices.DmaRead(world.Test.Init, "", address, bytes) is not null)
            {
                // A private page somewhere in it (SNP, TDX): page by page, and the faulting ones give nothing.
                bytes = bytes[..(int)Page.Size];
                bytes.Clear();
                bool fault = world.Guest.Devices.DmaRead(world.Test.Init, "", address, bytes) is not null;
                Violation.Unless(!fault || !bytes.ContainsAnyExcept((byte)0), $"a DMA fault at 0x{start + at:x} moved bytes");
            }

            Judge(bytes, start + at, "device");
            at += (ulong)bytes.Length;
        }
    }

    private void Judge(ReadOnlySpan<byte> bytes, ulong start, string who)
    {
        for (int found = Markers.Next(bytes, 0); found >= 0; found = Markers.Next(bytes, found + 1))
        {
            ulong address = start + (ulong)found;
            Violation.Unless(IsPool(address), $"{who} sees a secret at 0x{address:x}");
            // What lies behind the slot may be another mapping's; not where the magic itself goes on there.
            int inSlot = (int)(SwiotlbPool.SlotBytes - (address % SwiotlbPool.SlotBytes));
            int length = inSlot < Markers.Magic.Length ? Markers.Length : Math.Min(Markers.Length, inSlot);
            ReadOnlySpan<byte> marker = bytes[found..Math.Min(bytes.Length, found + length)];
            Violation.Unless(
                world.Markers.IsDeclassified(marker),
                $"{who} sees {Encoding.Latin1.GetString(marker)} at 0x{address:x}, which was never bounced");
            FoundInPool++;
            SwiotlbCounters pool = world.Guest.Dma.DefaultPool!.Snapshot();
            Violation.Unless(
                IsLive(address) ? pool.LiveBytes != 0 : pool.StaleBytes != 0,
                $"0x{address:x} holds a secret that the counters deny: {pool}");
        }
    }

    private bool IsPool(ulong address) => world.Guest.Dma.DefaultPool!.Contains(address);

    private bool IsLive(ulong address)
    {
        foreach (ModelAttachment attachment in world.Model.Attachments.Where(a => a.Bounced))
        {
            IReadOnlyList<Chunk> chunks = world.Model.Buffers[attachment.Inode].Chunks;
            if (attachment.Addresses.Where((start, i) =>
                address - world.Guest.Dma.Environment.Encoding.Physical(start) < chunks[i].Bytes).Any())
            {
                return true;
            }
        }

        return false;
    }

    private void CheckFiles()
    {
        foreach ((ulong inode, FileStream file) in world.Files)
        {
            byte[] bytes = new byte[file.Length];
            RandomAccess.Read(file.SafeFileHandle, bytes, 0);
            Violation.Unless(Markers.Next(bytes, 0) < 0, $"a file of buffer {inode} holds a secret");
        }
    }

    private void CheckTexts()
    {
        string hex = Convert.ToHexString(Markers.Magic);
        foreach (string text in world.Test.Snapshot().KernelLog.Concat(world.Sentences))
        {
            bool found = text.Contains(Markers.MagicText, StringComparison.Ordinal)
                || text.Contains(hex, StringComparison.OrdinalIgnoreCase);
            Violation.Unless(!found, $"a text holds a secret: {text}");
        }
    }
}
