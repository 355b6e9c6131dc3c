namespace CocoGuest.Imaging;

/// <summary>A file that cannot be read as a picture; the message says in one sentence why.</summary>
public sealed class PictureException : Exception
{
    /// <summary>An error without a message of its own.</summary>
    public PictureException()
    {
    }

    /// <summary>An error with a sentence for a person.</summary>
    /// <param name="message">The sentence.</param>
    public PictureException(string message)
        : base(message)
    {
    }

    /// <summary>An error with a sentence and what caused it.</summary>
    /// <param name="message">The sentence.</param>
    /// <param name="innerException">The cause.</param>
    public PictureException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
