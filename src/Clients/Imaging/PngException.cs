namespace CocoGuest.Imaging;

/// <summary>A file that is not a PNG, is damaged, or is a kind of PNG that is not read here; the message names what was found.</summary>
public sealed class PngException : Exception
{
    /// <summary>An error without a message of its own.</summary>
    public PngException()
    {
    }

    /// <summary>An error with a sentence for a person.</summary>
    /// <param name="message">The sentence.</param>
    public PngException(string message)
        : base(message)
    {
    }

    /// <summary>An error with a sentence and what caused it.</summary>
    /// <param name="message">The sentence.</param>
    /// <param name="innerException">The cause.</param>
    public PngException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
