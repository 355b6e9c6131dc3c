using CocoGuest.Imaging;

namespace CocoGuest.Tests.Clients.Imaging;

public sealed class PictureFileTests : IDisposable
{
    // 5x6 RGBA, row y filtered by type y mod 5, a tEXt chunk, two IDAT chunks; written by another program (Python's zlib).
    private const string ForeignPng =
        "iVBORw0KGgoAAAANSUhEUgAAAAUAAAAGCAYAAAAL+1RLAAAAA3RFWHRrAHbLBPOQAAAAKElEQVR4nAF+AIH/AKVNyhglMLsdbRMs3tYjey7ZHj"
        + "9yAR/LGXH4eXtlMvgJ4BQQYQAAAGFJREFUhuskIdXsvqvNArvV1XeiVeuGM+38oXuF1fQcuOuxA+CqYKCk1wN7rYWAV7QLxvU7AFdeBGQRFaGl"
        + "MCVpcfOUYFw1vKuKHc/JAEbcjtS3wnZNKlpNdncG+F2GkAJK0Es8DX3QouMAAAAASUVORK5CYII=";

    private const string ForeignSamples =
        "a54dca182530bb1d6d132cded6237b2ed91e3f721fcb1971174494d6493c9d5c3460be31201e69fedaa0eee8b9997f5c7c2999fdafe593"
        + "253cd654af4dfad71427a0aeb3fee9232f8af2211f9ee491c5b10becb5563bfc1e6f93427ecbc8fe2955e5cd8e46dc8ed4b7c2764d2a5a"
        + "4d767706f85d8690024a";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("coco-pictures-");

    public static TheoryData<string> Kinds => [.. PictureFiles.ByKind.Keys];

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void Decode_PngOfAnotherProgram_GivesItsSamples()
    {
        Picture picture = PictureFile.Decode(Convert.FromBase64String(ForeignPng));

        byte[] samples = Convert.FromHexString(ForeignSamples);
        Assert.Equal(new PictureLayout(5, 6), picture.Layout);
        Assert.Equal(
            samples.Chunk(4).SelectMany(rgba => new[] { rgba[2], rgba[1], rgba[0], byte.MaxValue }),
            Enumerable.Range(0, 6).SelectMany(y => picture.Row(y).ToArray()));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Decode_EachKind_GivesThePixels(string kind)
    {
        Picture picture = PictureFile.Decode(PictureFiles.ByKind[kind]);

        int tolerated = kind == "jpeg" ? 3 : 0;
        Assert.Equal(new PictureLayout(PictureFiles.Width, PictureFiles.Height), picture.Layout);
        for (int y = 0; y < PictureFiles.Height; y++)
        {
            for (int x = 0; x < PictureFiles.Width; x++)
            {
                (byte red, byte green, byte blue) = PictureFiles.Pixel(x, y);
                byte[] pixel = picture.Row(y).Slice(4 * x, 4).ToArray();
                Assert.All(pixel.Zip([blue, green, red, 0xff]), p => Assert.InRange(p.First - p.Second, -tolerated, tolerated));
            }
        }
    }

    [Theory]
    [InlineData(131, 57)]
    [InlineData(1, 1)]
    public void EncodePng_ThenDecode_GivesThePixels(int width, int height)
    {
        Picture picture = DrawnPicture.Draw(new PictureLayout(width, height));

        Picture again = PictureFile.Decode(PictureFile.EncodePng(picture));

        Assert.Equal(picture.Pixels, again.Pixels);
    }

    [Fact]
    public void EncodePng_PixelsWithAnyXByte_KeepsTheirColours()
    {
        var picture = new Picture(new PictureLayout(1, 1));
        byte[] pixel = [1, 2, 3, 0];
        pixel.CopyTo(picture.Row(0));

        Assert.Equal([1, 2, 3, 0xff], PictureFile.Decode(PictureFile.EncodePng(picture)).Row(0).ToArray());
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Decode_AnyPrefix_Refuses(string kind)
    {
        byte[] file = PictureFiles.ByKind[kind];
        for (int length = 0; length < file.Length; length++)
        {
            Assert.Throws<PictureException>(() => PictureFile.Decode(file.AsSpan(0, length)));
        }
    }

    [Theory]
    [InlineData("png rgb", "PNG")]
    [InlineData("jpeg", "JPEG")]
    [InlineData("bmp 24 bit", "BMP")]
    public void Decode_MostOfAFile_SaysThatItIsCutOff(string kind, string named)
    {
        byte[] file = PictureFiles.ByKind[kind];

        Assert.Equal($"the {named} is cut off: the file ends before the picture does.", Refusal(file[..(file.Length * 9 / 10)]));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Decode_BytesBehindThePicture_DoNotMatter(string kind) =>
        Assert.Equal(
            PictureFile.Decode(PictureFiles.ByKind[kind]).Pixels,
            PictureFile.Decode([.. PictureFiles.ByKind[kind], .. "and more"u8]).Pixels);

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Decode_AnyBitFlipped_GivesAPictureOrASentence(string kind)
    {
        byte[] file = PictureFiles.ByKind[kind];
        byte[] pixels = PictureFile.Decode(file).Pixels;
        for (int bit = 0; bit < file.Length * 8; bit++)
        {
            byte[] damaged = [.. file];
            damaged[bit / 8] ^= (byte)(1 << (bit % 8));
            try
            {
                Picture picture = PictureFile.Decode(damaged);
                // Only PNG has checksums.
                Assert.True(!kind.StartsWith("png", StringComparison.Ordinal) || picture.Pixels.AsSpan().SequenceEqual(pixels));
            }
            catch (PictureException e)
            {
                Assert.EndsWith(".", e.Message, StringComparison.Ordinal);
            }
        }
    }

    [Theory]
    [InlineData(40000, 1)]
    [InlineData(1, 40000)]
    [InlineData(32768, 32768)]
    public void Decode_SizeOutOfRange_RefusesBeforeMemoryIsTaken(int width, int height)
    {
        Assert.Contains($"{width}x{height}", Refusal(PictureFiles.PngHeader(width, height)), StringComparison.Ordinal);
        Assert.Contains($"{width}x{height}", Refusal(PictureFiles.BmpHeader(width, height)), StringComparison.Ordinal);
        Assert.Contains($"{width}x{height}", Refusal(PictureFiles.JpegHeader(width, height)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 0)]
    [InlineData(-1, 1)]
    public void Decode_NoPixels_Refuses(int width, int height)
    {
        Refusal(PictureFiles.PngHeader(width, height));
        Refusal(PictureFiles.BmpHeader(width, height));
    }

    [Fact]
    public void Decode_OtherFiles_SaysWhatIsRead()
    {
        const string Sentence = "this is no PNG, JPEG or BMP file.";

        Assert.Equal(Sentence, Refusal([]));
        Assert.Equal(Sentence, Refusal("hello"u8.ToArray()));
        Assert.Equal(Sentence, Refusal(PictureFiles.Gif));
    }

    [Fact]
    public async Task ReadAsync_RefusedFile_NamesIt()
    {
        string path = Path.Combine(_folder.FullName, "text.png");
        await File.WriteAllTextAsync(path, "no picture");

        PictureException refusal = await Assert.ThrowsAsync<PictureException>(() => PictureFile.ReadAsync(path, CancellationToken.None));

        Assert.Equal($"{path}: this is no PNG, JPEG or BMP file.", refusal.Message);
    }

    [Fact]
    public async Task ReadAsync_FileThatIsTooLarge_RefusesBeforeMemoryIsTaken()
    {
        string path = Path.Combine(_folder.FullName, "large.png");
        await using (FileStream file = File.Create(path))
        {
            file.SetLength(PictureFile.MaxFileBytes + 1L);
        }

        PictureException refusal = await Assert.ThrowsAsync<PictureException>(() => PictureFile.ReadAsync(path, CancellationToken.None));

        Assert.StartsWith($"{path}: the file has {PictureFile.MaxFileBytes + 1L} bytes", refusal.Message, StringComparison.Ordinal);
    }

    private static string Refusal(byte[] file) => Assert.Throws<PictureException>(() => PictureFile.Decode(file)).Message;
}
