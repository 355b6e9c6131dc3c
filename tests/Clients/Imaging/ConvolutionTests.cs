using CocoGuest.Imaging;
using FsCheck;
using FsCheck.Fluent;

namespace CocoGuest.Tests.Clients.Imaging;

public sealed class ConvolutionTests
{
    private static readonly int[,] Kernel = { { 0, -1, 0 }, { -1, 5, -1 }, { 0, -1, 0 } };

    [Fact]
    public void Sharpen_AnyPicture_EqualsTheDefinition()
    {
        Gen<(PictureLayout layout, int[] seed)> pictures =
            from width in Gen.Choose(1, 33)
            from height in Gen.Choose(1, 9)
            from seed in Gen.Choose(0, 255).ArrayOf(width * height * 4)
            select (layout: new PictureLayout(width, height), seed);
        Prop.ForAll(pictures.ToArbitrary(), p =>
        {
            var source = new Picture(p.layout);
            for (int i = 0; i < p.seed.Length; i++)
                source.Row(i / p.layout.RowBytes)[i % p.layout.RowBytes] = (byte)p.seed[i];
            var result = new Picture(p.layout);
            Convolution.Sharpen(source.Pixels, result.Pixels, p.layout);
            return result.Pixels.AsSpan().SequenceEqual(ByDefinition(source));
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Sharpen_RowPadding_IsNotWritten()
    {
        var layout = new PictureLayout(3, 2);
        byte[] destination = new byte[layout.Bytes];
        destination.AsSpan().Fill(0xa5);

        Convolution.Sharpen(new byte[layout.Bytes], destination, layout);

        Assert.Equal(-1, destination.AsSpan(layout.RowBytes, layout.Pitch - layout.RowBytes).IndexOfAnyExcept((byte)0xa5));
    }

    [Fact]
    public void Sharpen_UniformPicture_StaysAsItIs()
    {
        var layout = new PictureLayout(16, 4);
        byte[] source = new byte[layout.Bytes];
        source.AsSpan().Fill(77);
        byte[] destination = new byte[layout.Bytes];

        Convolution.Sharpen(source, destination, layout);

        Assert.All(destination.Chunk(4), pixel => Assert.Equal([77, 77, 77, 255], pixel));
    }

    [Theory]
    [InlineData(1, 64)]
    [InlineData(16, 64)]
    [InlineData(17, 128)]
    [InlineData(1280, 5120)]
    public void Pitch_AnyWidth_IsAMultipleOf64(int width, int pitch) => Assert.Equal(pitch, new PictureLayout(width, 1).Pitch);

    // Straight from the definition, one pixel at a time, all nine taps.
    private static byte[] ByDefinition(Picture source)
    {
        PictureLayout layout = source.Layout;
        byte[] result = new byte[layout.Bytes];
        for (int y = 0; y < layout.Height; y++)
        {
            for (int x = 0; x < layout.Width; x++)
            {
                for (int c = 0; c < 3; c++)
                {
                    int sum = 0;
                    for (int dy = -1; dy <= 1; dy++)
                    {
                        for (int dx = -1; dx <= 1; dx++)
                        {
                            int sy = Math.Clamp(y + dy, 0, layout.Height - 1);
                            int sx = Math.Clamp(x + dx, 0, layout.Width - 1);
                            sum += Kernel[dy + 1, dx + 1] * source.Pixels[(sy * layout.Pitch) + (sx * 4) + c];
                        }
                    }

                    result[(y * layout.Pitch) + (x * 4) + c] = (byte)Math.Max(0, Math.Min(255, sum));
                }

                result[(y * layout.Pitch) + (x * 4) + 3] = 0xff;
            }
        }

        return result;
    }
}
