namespace CocoGuest.Imaging;

/// <summary>
/// The picture of the demo when no file is given: colour gradients with a grid, a disc and a diagonal, so that sharpening shows and a
/// shifted, stale or mixed-up row cannot look right by chance. Integer arithmetic only: the same everywhere.
/// </summary>
public static class DrawnPicture
{
    /// <summary>Draws the picture.</summary>
    /// <param name="layout">Its size.</param>
    public static Picture Draw(PictureLayout layout)
    {
        var picture = new Picture(layout);
        (int width, int height) = (layout.Width, layout.Height);
        int radius = Math.Max(1, Math.Min(width, height) / 3);
        for (int y = 0; y < height; y++)
        {
            Span<byte> row = picture.Row(y);
            for (int x = 0; x < width; x++)
            {
                (int red, int green, int blue) = Colour(x, y, width, height, radius);
                int at = x * PictureLayout.BytesPerPixel;
                row[at] = (byte)blue;
                row[at + 1] = (byte)green;
                row[at + 2] = (byte)red;
                row[at + 3] = 0xff;
            }
        }

        return picture;
    }

    private static (int Red, int Green, int Blue) Colour(int x, int y, int width, int height, int radius)
    {
        int red = 32 + (x * 191 / width);
        int green = 32 + (y * 191 / height);
        int blue = 32 + ((x + y) * 191 / (width + height));
        long dx = x - (width / 2);
        long dy = y - (height / 2);
        if ((dx * dx) + (dy * dy) < (long)radius * radius)
            (red, blue) = (blue, 255 - red);
        if (x % 32 == 0 || y % 32 == 0)
            (red, green, blue) = (red / 2, green / 2, blue / 2);
        if ((x + (2 * y)) % 97 < 3)
            (red, green, blue) = (240, 240, 240);
        return (red, green, blue);
    }
}
