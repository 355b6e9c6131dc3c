namespace CocoGuest.Imaging;

/// <summary>The five row filters of PNG, undone and applied in place.</summary>
internal static class PngFilters
{
    /// <summary>Number of filter types; a row's type byte is below it.</summary>
    public const int Count = 5;

    /// <summary>Turns a filtered row into samples.</summary>
    /// <param name="type">Filter type 0 to 4: none, sub, up, average, Paeth.</param>
    /// <param name="row">The filtered bytes; becomes the samples.</param>
    /// <param name="above">The samples of the row above; zeros for the first row.</param>
    /// <param name="bytesPerPixel">Distance to the sample on the left.</param>
    public static void Undo(int type, Span<byte> row, ReadOnlySpan<byte> above, int bytesPerPixel)
    {
        for (int i = 0; i < row.Length; i++)
        {
            int left = i >= bytesPerPixel ? row[i - bytesPerPixel] : 0;
            int corner = i >= bytesPerPixel ? above[i - bytesPerPixel] : 0;
            row[i] = (byte)(row[i] + Predict(type, left, above[i], corner));
        }
    }

    /// <summary>Turns samples into a filtered row.</summary>
    /// <param name="type">Filter type 0 to 4.</param>
    /// <param name="row">The samples.</param>
    /// <param name="above">The samples of the row above; zeros for the first row.</param>
    /// <param name="bytesPerPixel">Distance to the sample on the left.</param>
    /// <param name="filtered">Where the filtered bytes go; as long as <paramref name="row"/>.</param>
    public static void Apply(int type, ReadOnlySpan<byte> row, ReadOnlySpan<byte> above, int bytesPerPixel, Span<byte> filtered)
    {
        for (int i = 0; i < row.Length; i++)
        {
            int left = i >= bytesPerPixel ? row[i - bytesPerPixel] : 0;
            int corner = i >= bytesPerPixel ? above[i - bytesPerPixel] : 0;
            filtered[i] = (byte)(row[i] - Predict(type, left, above[i], corner));
        }
    }

    private static int Predict(int type, int left, int up, int corner) => type switch
    {
        0 => 0,
        1 => left,
        2 => up,
        3 => (left + up) / 2,
        4 => Paeth(left, up, corner),
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "PNG knows filter types 0 to 4."),
    };

    // The neighbour nearest to left + up - corner; ties go to left, then up.
    private static int Paeth(int left, int up, int corner)
    {
        int estimate = left + up - corner;
        int toLeft = Math.Abs(estimate - left);
        int toUp = Math.Abs(estimate - up);
        int toCorner = Math.Abs(estimate - corner);
        if (toLeft <= toUp && toLeft <= toCorner)
            return left;
        return toUp <= toCorner ? up : corner;
    }
}
