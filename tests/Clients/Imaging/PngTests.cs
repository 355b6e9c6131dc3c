using CocoGuest.Imaging;
using FsCheck;
using FsCheck.Fluent;

namespace CocoGuest.Tests.Clients.Imaging;

public sealed class PngTests
{
    // 5x6 RGBA, row y filtered by type y mod 5, a tEXt chunk, two IDAT chunks; written by another program (Python's zlib).
    private const string Foreign =
        "iVBORw0KGgoAAAANSUhEUgAAAAUAAAAGCAYAAAAL+1RLAAAAA3RFWHRrAHbLBPOQAAAAKElEQVR4nAF+AIH/AKVNyhglMLsdbRMs3tYjey7ZHj"
        + "9yAR/LGXH4eXtlMvgJ4BQQYQAAAGFJREFUhuskIdXsvqvNArvV1XeiVeuGM+38oXuF1fQcuOuxA+CqYKCk1wN7rYWAV7QLxvU7AFdeBGQRFaGl"
        + "MCVpcfOUYFw1vKuKHc/JAEbcjtS3wnZNKlpNdncG+F2GkAJK0Es8DX3QouMAAAAASUVORK5CYII=";

    private const string ForeignSamples =
        "a54dca182530bb1d6d132cded6237b2ed91e3f721fcb1971174494d6493c9d5c3460be31201e69fedaa0eee8b9997f5c7c2999fdafe593"
        + "253cd654af4dfad71427a0aeb3fee9232f8af2211f9ee491c5b10becb5563bfc1e6f93427ecbc8fe2955e5cd8e46dc8ed4b7c2764d2a5a"
        + "4d767706f85d8690024a";

    [Fact]
    public void Decode_FileOfAnotherProgram_GivesItsSamples()
    {
        Picture picture = PngReader.Decode(Convert.FromBase64String(Foreign));

        Assert.Equal(new PictureLayout(5, 6), picture.Layout);
        Assert.Equal(ToPixels(Convert.FromHexString(ForeignSamples), 5, 6, 4), picture.Pixels);
    }

    [Fact]
    public void Decode_AnyFiltersAnySize_GivesTheSamples()
    {
        Gen<(int width, int height, int channels, int[] filters, byte[] bytes)> shapes =
            from width in Gen.Choose(1, 40)
            from height in Gen.Choose(1, 12)
            from channels in Gen.Elements(3, 4)
            from filters in Gen.Choose(0, 4).ArrayOf(height)
            from samples in Gen.Choose(0, 255).ArrayOf(width * height * channels)
            select (width, height, channels, filters, bytes: Array.ConvertAll(samples, s => (byte)s));
        Prop.ForAll(shapes.ToArbitrary(), shape =>
        {
            byte[] file = PngFiles.Filtered(shape.width, shape.height, shape.channels, shape.bytes, shape.filters);
            return PngReader.Decode(file).Pixels.AsSpan().SequenceEqual(ToPixels(shape.bytes, shape.width, shape.height, shape.channels));
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Encode_ThenDecode_GivesThePixels()
    {
        Picture picture = DrawnPicture.Draw(new PictureLayout(131, 57));

        Picture again = PngReader.Decode(PngWriter.Encode(picture));

        Assert.Equal(picture.Pixels, again.Pixels);
    }

    [Theory]
    [InlineData(8, 0, 0, "8-bit grey scale")]
    [InlineData(8, 3, 0, "8-bit palette")]
    [InlineData(8, 4, 0, "8-bit grey scale with alpha")]
    [InlineData(16, 2, 0, "16-bit RGB")]
    [InlineData(16, 6, 0, "16-bit RGBA")]
    [InlineData(8, 5, 0, "8-bit colour type 5")]
    [InlineData(8, 2, 1, "interlaced")]
    public void Decode_OtherKinds_RefusesAndNamesWhatWasFound(byte depth, byte colour, byte interlace, string named)
    {
        byte[] file = [.. PngFiles.Signature, .. PngFiles.Header(2, 2, depth, colour, interlace: interlace), .. PngFiles.Chunk("IEND", [])];

        Assert.Contains(named, Refusal(file), StringComparison.Ordinal);
    }

    [Fact]
    public void Decode_NoSignature_SaysSo() => Assert.Contains("not a PNG", Refusal("GIF89a..."u8.ToArray()), StringComparison.Ordinal);

    [Fact]
    public void Decode_AnyBitFlipped_NeverGivesOtherPixels()
    {
        Picture picture = DrawnPicture.Draw(new PictureLayout(7, 5));
        byte[] file = PngWriter.Encode(picture);
        for (int bit = 0; bit < file.Length * 8; bit++)
        {
            byte[] damaged = (byte[])file.Clone();
            damaged[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Throws<PngException>(() => PngReader.Decode(damaged));
        }
    }

    [Fact]
    public void Decode_AnyPrefix_Refuses()
    {
        byte[] file = PngWriter.Encode(DrawnPicture.Draw(new PictureLayout(7, 5)));
        for (int length = 0; length < file.Length; length++)
            Assert.Throws<PngException>(() => PngReader.Decode(file.AsSpan(0, length)));
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 0)]
    [InlineData(40000, 1)]
    [InlineData(32768, 32768)]
    public void Decode_SizeOutOfRange_RefusesBeforeMemoryIsTaken(int width, int height)
    {
        byte[] file = [.. PngFiles.Signature, .. PngFiles.Header(width, height), .. PngFiles.Chunk("IEND", [])];

        Assert.Contains($"{width}x{height}", Refusal(file), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("JUNK", "critical")]
    [InlineData("IEND", "no IDAT")]
    public void Decode_WrongChunkAfterHeader_IsNamed(string type, string named)
    {
        byte[] file = [.. PngFiles.Signature, .. PngFiles.Header(1, 1), .. PngFiles.Chunk(type, [])];

        Assert.Contains(named, Refusal(file), StringComparison.Ordinal);
    }

    [Fact]
    public void Decode_TooManyPixels_Refuses()
    {
        byte[] file =
        [
            .. PngFiles.Signature,
            .. PngFiles.Header(1, 1),
            .. PngFiles.Chunk("IDAT", PngFiles.Deflate([0, 1, 2, 3, 4])),
            .. PngFiles.Chunk("IEND", []),
        ];

        Assert.Contains("more bytes", Refusal(file), StringComparison.Ordinal);
    }

    [Fact]
    public void Decode_UnknownFilterType_IsNamed()
    {
        byte[] file =
        [
            .. PngFiles.Signature,
            .. PngFiles.Header(1, 1),
            .. PngFiles.Chunk("IDAT", PngFiles.Deflate([5, 1, 2, 3])),
            .. PngFiles.Chunk("IEND", []),
        ];

        Assert.Contains("filter type 5", Refusal(file), StringComparison.Ordinal);
    }

    [Fact]
    public void Decode_SplitByAnotherChunk_Refuses()
    {
        byte[] data = PngFiles.Deflate([0, 1, 2, 3]);
        byte[] file =
        [
            .. PngFiles.Signature, .. PngFiles.Header(1, 1), .. PngFiles.Chunk("IDAT", data[..3]), .. PngFiles.Chunk("tEXt", []),
            .. PngFiles.Chunk("IDAT", data[3..]), .. PngFiles.Chunk("IEND", []),
        ];

        Assert.Contains("not consecutive", Refusal(file), StringComparison.Ordinal);
    }

    private static string Refusal(byte[] file) => Assert.Throws<PngException>(() => PngReader.Decode(file)).Message;

    private static byte[] ToPixels(byte[] samples, int width, int height, int channels)
    {
        int pitch = (width * 4 + 63) / 64 * 64;
        byte[] pixels = new byte[pitch * height];
        for (int i = 0; i < width * height; i++)
        {
            int at = (i / width * pitch) + (i % width * 4);
            (pixels[at], pixels[at + 1], pixels[at + 2], pixels[at + 3]) =
                (samples[(i * channels) + 2], samples[(i * channels) + 1], samples[i * channels], 0xff);
        }

        return pixels;
    }
}
