using System.Runtime.InteropServices;
using SixLabors.ImageSharp;
using SixLabors.ImageSharp.Formats;
using SixLabors.ImageSharp.Formats.Bmp;
using SixLabors.ImageSharp.Formats.Jpeg;
using SixLabors.ImageSharp.Formats.Png;
using SixLabors.ImageSharp.Memory;
using SixLabors.ImageSharp.PixelFormats;

namespace CocoGuest.Imaging;

/// <summary>
/// Reads PNG, JPEG and BMP files into XRGB8888 and writes PNG files, with ImageSharp.
/// Models: every kind of the three formats that the library reads. A file that ends before its picture does is refused, which the
/// library leaves to its caller.
/// Does not model: transparency (the colours are taken as they are, X is 0xff), colour profiles, the orientation that a camera noted.
/// </summary>
public static class PictureFile
{
    /// <summary>Largest file that is read, in bytes: the largest picture at 16 bits a channel takes it without compression.</summary>
    public const int MaxFileBytes = 2 * PictureLayout.MaxBytes;

    /// <summary>
    /// Zero bytes behind the bytes of a file. A decoder that stopped among them wanted more than the file has, so the file was cut off.
    /// </summary>
    private const int Beyond = 16;

    private static readonly Configuration Formats = MakeFormats();

    private static readonly PngEncoder Png = new()
    {
        ColorType = PngColorType.Rgb,
        BitDepth = PngBitDepth.Bit8,
        FilterMethod = PngFilterMethod.Adaptive,
    };

    /// <summary>Reads a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="cancel">Gives up reading.</param>
    /// <exception cref="PictureException">It is no picture, or none that is read; the message names the file and says why.</exception>
    public static async Task<Picture> ReadAsync(string path, CancellationToken cancel)
    {
        if (Directory.Exists(path))
        {
            throw new PictureException($"{path}: this is a folder.");
        }

        await using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0, useAsync: true);
        // Pipes and devices have no end that could be known before.
        if (!file.CanSeek)
        {
            throw new PictureException($"{path}: this is no regular file.");
        }

        if (file.Length > MaxFileBytes)
        {
            throw new PictureException($"{path}: the file has {file.Length} bytes; files up to {MaxFileBytes} bytes are read.");
        }

        int length = (int)file.Length;
        byte[] bytes = new byte[length + Beyond];
        await file.ReadExactlyAsync(bytes.AsMemory(0, length), cancel);
        try
        {
            return Decode(bytes, length);
        }
        catch (PictureException e)
        {
            throw new PictureException($"{path}: {e.Message}", e);
        }
    }

    /// <summary>Decodes a whole file.</summary>
    /// <param name="file">The bytes of the file.</param>
    /// <exception cref="PictureException">It is no picture, or none that is read; the message says why.</exception>
    public static Picture Decode(ReadOnlySpan<byte> file) => Decode([.. file, .. new byte[Beyond]], file.Length);

    /// <summary>Encodes a picture as an 8-bit RGB PNG file. The X byte is dropped; the same picture always gives the same bytes.</summary>
    /// <param name="picture">The picture; its padding is not looked at.</param>
    public static byte[] EncodePng(Picture picture)
    {
        using var image = new Image<Bgra32>(Formats, picture.Layout.Width, picture.Layout.Height);
        image.ProcessPixelRows(rows =>
        {
            for (int y = 0; y < rows.Height; y++)
            {
                picture.Row(y).CopyTo(MemoryMarshal.AsBytes(rows.GetRowSpan(y)));
            }
        });
        using var file = new MemoryStream();
        image.Save(file, Png);
        return file.ToArray();
    }

    private static Configuration MakeFormats()
    {
        var formats = new Configuration(new PngConfigurationModule(), new JpegConfigurationModule(), new BmpConfigurationModule())
        {
            MemoryAllocator = MemoryAllocator.Create(new MemoryAllocatorOptions { AllocationLimitMegabytes = MaxFileBytes >> 20 }),
        };
        // Texts in a PNG can be compressed and unfold to any size.
        formats.ImageFormatsManager.SetDecoder(PngFormat.Instance, new PngDecoder { IgnoreMetadata = true });
        return formats;
    }

    private static Picture Decode(byte[] padded, int length)
    {
        if (Image.DetectFormat(Formats, padded.AsSpan(0, length)) is not { } format)
        {
            throw new PictureException("this is no PNG, JPEG or BMP file.");
        }

        using var stream = new MemoryStream(padded);
        try
        {
            // The size comes first: a forged header must not take the memory of a picture.
            IImageInfo size = Image.Identify(Formats, stream);
            PictureLayout layout = LayoutOf(size, format);
            stream.Position = 0;
            using var image = Image.Load<Bgra32>(Formats, stream);
            return stream.Position > length ? throw CutOff(format) : ToPicture(image, layout);
        }
        catch (Exception e) when (e is not (PictureException or OutOfMemoryException))
        {
            // What the library throws at a damaged file is not always one of its own exceptions.
            throw stream.Position > length ? CutOff(format) : Damaged(format, e);
        }
    }

    private static PictureLayout LayoutOf(IImageInfo size, IImageFormat format) => PictureLayout.Fits(size.Width, size.Height)
        ? new PictureLayout(size.Width, size.Height)
        : throw new PictureException($"the {format.Name} has {size.Width}x{size.Height} pixels; sides from 1 to {PictureLayout.MaxSide} "
            + $"and {PictureLayout.MaxBytes} bytes in all, at {PictureLayout.BytesPerPixel} a pixel, are read.");

    private static Picture ToPicture(Image<Bgra32> image, PictureLayout layout)
    {
        var picture = new Picture(layout);
        image.ProcessPixelRows(rows =>
        {
            for (int y = 0; y < rows.Height; y++)
            {
                Span<Bgra32> row = rows.GetRowSpan(y);
                foreach (ref Bgra32 pixel in row)
                {
                    pixel.A = 0xff;
                }

                MemoryMarshal.AsBytes(row).CopyTo(picture.Row(y));
            }
        });
        return picture;
    }

    private static PictureException CutOff(IImageFormat format) =>
        new($"the {format.Name} is cut off: the file ends before the picture does.");

    private static PictureException Damaged(IImageFormat format, Exception cause)
    {
        bool says = cause is ImageFormatException or NotSupportedException;
        string why = says ? ": " + cause.Message.ReplaceLineEndings(" ").TrimEnd(' ', '.', '!') : "";
        return new PictureException($"the {format.Name} is damaged, or of a kind that is not read{why}.", cause);
    }
}
