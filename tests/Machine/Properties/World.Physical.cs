using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.Profiles;
using CocoGuest.Tests.Machine.Properties.Model;

namespace CocoGuest.Tests.Machine.Properties;

/// <content>Devices and the host reach for physical memory.</content>
internal sealed partial class World
{
    private string DmaMapped(Random dice, bool write)
    {
        if (Pick(dice, [.. Model.Attachments.Where(a => a.Mapped)]) is not { } attachment)
        {
            return None;
        }

        ModelBuffer buffer = Model.Buffers[attachment.Inode];
        int segment = dice.Next(buffer.Chunks.Count);
        Chunk chunk = buffer.Chunks[segment];
        (int inside, int length) = Part(dice, chunk.Bytes);
        ulong offset = buffer.Chunks.Take(segment).Aggregate(0UL, (sum, c) => sum + c.Bytes) + (ulong)inside;
        ulong address = attachment.Addresses[segment] + (ulong)inside;
        bool cipher = !attachment.Bounced && !buffer.Shared && InPlace;
        Span<byte> place = (attachment.Bounced ? Shadow.Bounce(attachment.Id) : Shadow.Cpu(buffer.Inode)).AsSpan((int)offset, length);
        if (!write)
        {
            byte[] bytes = new byte[length];
            Must(Guest.Devices.DmaRead(ProcessOf(attachment.Pid), attachment.Device.Name, address, bytes));
            SameBytes(cipher ? Shadow.CipherOf(buffer, offset, length) : place, bytes, $"DMA read of buffer {buffer.Inode} at {offset}");
            return Hex(bytes);
        }

        byte[] data = Markers.Public(length);
        Must(Guest.Devices.DmaWrite(ProcessOf(attachment.Pid), attachment.Device.Name, address, data));
        if (cipher)
        {
            Shadow.WriteCipher(buffer, offset, data);
        }
        else
        {
            data.CopyTo(place);
        }

        return Text($"{address:x}+{length}");
    }

    /// <summary>At memory that some buffer has or had, not further than two pages, mapped or not.</summary>
    private string DmaWild(Random dice, bool write)
    {
        if (WildPlace(dice) is not { } place)
        {
            return None;
        }

        (ulong address, int length) = place;
        ModelDevice device = Pick(dice, Model.Devices)!;
        Piece[] pieces = [.. PiecesOf(address, length)];
        bool fault = !device.Trusted && !InPlace && pieces.Any(p => p.Owner is not { Shared: true });
        byte[] bytes = write ? Markers.Public(length) : new byte[length];
        Failure? failure = write
            ? Guest.Devices.DmaWrite(ProcessOf(device.Pid), device.Name, Guest.Dma.Environment.Encoding.Unencrypted(address), bytes)
            : Guest.Devices.DmaRead(ProcessOf(device.Pid), device.Name, Guest.Dma.Environment.Encoding.Unencrypted(address), bytes);
        if (fault)
        {
            Violation.Unless(write || !bytes.AsSpan().ContainsAnyExcept((byte)0), $"a DMA fault moved bytes");
            return MustFail(failure, Errno.EFAULT);
        }

        Must(failure);
        foreach (Piece piece in pieces)
        {
            Span<byte> part = bytes.AsSpan(piece.Start, piece.Length);
            if (write)
            {
                WildWritten(piece, part);
            }
            else if (piece.Owner is { } owner)
            {
                bool cipher = !owner.Shared && InPlace;
                SameBytes(cipher ? Shadow.CipherOf(owner, piece.Offset, piece.Length) : Plain(piece), part,
                    $"wild DMA read of {owner.Inode}");
            }
        }

        return Text($"{device.Name} {address:x}+{length} {Hex(bytes)}");
    }

    private void WildWritten(Piece piece, ReadOnlySpan<byte> bytes)
    {
        if (piece.Owner is not { } owner)
        {
            return;
        }

        if (!owner.Shared && InPlace)
        {
            Shadow.WriteCipher(owner, piece.Offset, bytes);
        }
        else
        {
            bytes.CopyTo(Plain(piece));
        }
    }

    private string HostRead(Random dice)
    {
        if (WildPlace(dice) is not { } place)
        {
            return None;
        }

        (ulong address, int length) = place;
        byte[] bytes = new byte[length];
        if (HostFaults && PiecesOf(address, length).Any(p => p.Owner is not { Shared: true }))
        {
            return MustFail(Guest.HostView.Read(address, bytes), Errno.EFAULT);
        }

        Must(Guest.HostView.Read(address, bytes));
        foreach (Piece piece in PiecesOf(address, length))
        {
            Span<byte> part = bytes.AsSpan(piece.Start, piece.Length);
            if (piece.Owner is { Shared: true })
            {
                SameBytes(Plain(piece), part, $"host read of shared {piece.Owner.Inode}");
            }
            else if (Platform == Platform.Tdx)
            {
                SameBytes(new byte[piece.Length], part, $"host read of private memory");
            }
            else if (piece.Owner is { } owner)
            {
                SameBytes(Shadow.CipherOf(owner, piece.Offset, piece.Length), part, $"host read of private {owner.Inode}");
            }
        }

        return Hex(bytes);
    }

    private (ulong Address, int Length)? WildPlace(Random dice)
    {
        if (EverAllocated.Count == 0)
        {
            return null;
        }

        Chunk chunk = EverAllocated.OrderBy(c => c.Frame).ThenBy(c => c.Order).ElementAt(dice.Next(EverAllocated.Count));
        return (chunk.Address + (ulong)dice.Next((int)chunk.Bytes), dice.Next(1, 300));
    }

    private Span<byte> Plain(Piece piece) => Shadow.Cpu(piece.Owner!.Inode).AsSpan((int)piece.Offset, piece.Length);

    private IEnumerable<Piece> PiecesOf(ulong address, int length)
    {
        for (int at = 0; at < length;)
        {
            ulong place = address + (ulong)at;
            int part = (int)Math.Min((ulong)(length - at), Page.Size - (place & Page.OffsetMask));
            (ModelBuffer? owner, ulong offset) = OwnerOf(place);
            yield return new Piece(owner, offset, at, part);
            at += part;
        }
    }

    private (ModelBuffer? Owner, ulong Offset) OwnerOf(ulong address)
    {
        foreach (ModelBuffer buffer in Model.Buffers.Values)
        {
            ulong start = 0;
            foreach (Chunk chunk in buffer.Chunks)
            {
                if (address - chunk.Address < chunk.Bytes)
                {
                    return (buffer, start + (address - chunk.Address));
                }

                start += chunk.Bytes;
            }
        }

        return (null, 0);
    }

    private readonly record struct Piece(ModelBuffer? Owner, ulong Offset, int Start, int Length);
}
