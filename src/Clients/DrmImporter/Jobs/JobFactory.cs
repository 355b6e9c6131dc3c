using System.Security.Cryptography;
using System.Text.Json.Nodes;
using CocoGuest.Client;
using CocoGuest.DrmImporter.Prime;
using CocoGuest.Imaging;
using CocoGuest.Importer;

namespace CocoGuest.DrmImporter.Jobs;

/// <summary>
/// Makes jobs from requests: handles and ranges are checked when a job is submitted, bytes are touched when it runs.
/// All bytes go through the device's view: what it reads there is what it works on, stale or not.
/// </summary>
/// <param name="file">The open file whose handles requests name.</param>
internal sealed class JobFactory(PrimeFile file)
{
    private const int Piece = 1 << 20;

    /// <summary>fill: a 32-bit value over a range, in little-endian order.</summary>
    public Job Fill(ControlRequest request)
    {
        Target target = Range(request, "handle", "offset");
        byte[] pattern = new byte[Math.Min((int)Math.Min(target.Length, Piece), Piece)];
        uint value = request.Number32("value", 0);
        for (int i = 0; i < pattern.Length; i++)
            pattern[i] = (byte)(value >> (8 * (i % 4)));
        return new Job("fill", [target.Object], async cancel =>
        {
            for (ulong done = 0UL; done < target.Length;)
            {
                Memory<byte> piece = pattern.AsMemory(0, (int)Math.Min(target.Length - done, (ulong)pattern.Length));
                await target.Object.WriteAsync(target.Offset + done, piece, cancel);
                done += (ulong)piece.Length;
            }

            return Bytes(target.Length);
        });
    }

    /// <summary>copy: a range of one object to another.</summary>
    public Job Copy(ControlRequest request)
    {
        Target from = Range(request, "src", "srcOffset");
        Target to = Range(request, "dst", "dstOffset");
        return new Job("copy", [from.Object, to.Object], async cancel =>
        {
            byte[] bytes = new byte[from.Length];
            await from.Object.ReadAsync(from.Offset, bytes, cancel);
            await to.Object.WriteAsync(to.Offset, bytes, cancel);
            return Bytes(from.Length);
        });
    }

    /// <summary>checksum: SHA-256 of a range.</summary>
    public Job Checksum(ControlRequest request)
    {
        Target source = Range(request, "handle", "offset");
        return new Job("checksum", [source.Object], async cancel =>
        {
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            byte[] piece = new byte[Math.Min(source.Length, Piece)];
            for (ulong done = 0UL; done < source.Length;)
            {
                Memory<byte> part = piece.AsMemory(0, (int)Math.Min(source.Length - done, (ulong)piece.Length));
                await source.Object.ReadAsync(source.Offset + done, part, cancel);
                hash.AppendData(part.Span);
                done += (ulong)part.Length;
            }

            JsonObject result = Bytes(source.Length);
            result["sha256"] = Convert.ToHexStringLower(hash.GetHashAndReset());
            return result;
        });
    }

    /// <summary>convolve: sharpens an XRGB8888 picture of one object into another.</summary>
    public Job Convolve(ControlRequest request)
    {
        var layout = new PictureLayout(request.Pixels("width"), request.Pixels("height"));
        Target source = Checked(request, "src", 0, (ulong)layout.Bytes);
        Target target = Checked(request, "dst", 0, (ulong)layout.Bytes);
        return new Job("convolve", [source.Object, target.Object], async cancel =>
        {
            (byte[] before, byte[] after) = (new byte[layout.Bytes], new byte[layout.Bytes]);
            await source.Object.ReadAsync(0, before, cancel);
            Convolution.Sharpen(before, after, layout);
            await WritePixelsAsync(target.Object, after, layout, cancel);
            return Bytes((ulong)layout.Bytes);
        });
    }

    // The padding at row ends belongs to whoever owns the buffer and is not written.
    private static async Task WritePixelsAsync(GemObject target, byte[] pixels, PictureLayout layout, CancellationToken cancel)
    {
        if (layout.RowBytes == layout.Pitch)
        {
            await target.WriteAsync(0, pixels, cancel);
            return;
        }

        for (int y = 0; y < layout.Height; y++)
            await target.WriteAsync((ulong)(y * layout.Pitch), pixels.AsMemory(y * layout.Pitch, layout.RowBytes), cancel);
    }

    private static JsonObject Bytes(ulong bytes) => new() { ["bytes"] = bytes };

    private Target Range(ControlRequest request, string handle, string offset)
    {
        ulong start = request.NumberOrNull(offset) ?? 0;
        ulong size = file.Find(request.Number32(handle, 0), "job").Size;
        return Checked(request, handle, start, request.NumberOrNull("length") ?? (start < size ? size - start : 0));
    }

    private Target Checked(ControlRequest request, string handle, ulong offset, ulong length)
    {
        GemObject found = file.Find(request.Number32(handle, 0), "job");
        if (offset > found.Size || length > found.Size - offset || length > PictureLayout.MaxBytes)
        {
            throw new CocoException(
                22,
                "EINVAL",
                "job",
                "range",
                $"{length} bytes at {offset} do not fit the object of {found.Size} bytes, or a job's limit of {PictureLayout.MaxBytes}.")
            {
                Field = handle,
            };
        }

        return new Target(found, offset, length);
    }

    private readonly record struct Target(GemObject Object, ulong Offset, ulong Length);
}
