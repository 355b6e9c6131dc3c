using System.Text;

namespace CocoGuest.Service.Hosting;

/// <summary>
/// Reads the pseudo-header <c>:authority</c>: a plain host is kept, all else becomes "localhost". Kestrel resets a call whose authority is
/// no host name, but many clients send the path of a Unix socket there (gRPC's C core from 1.57, grpc-java, Go), and nothing in the server
/// looks at it. Kestrel lets an encoding be chosen for each header, for both listeners together, and has no other place for this.
/// </summary>
internal sealed class AuthorityEncoding : Encoding
{
    private const string Authority = ":authority";
    private const string Replacement = "localhost";
    private const int LongestPort = 5;
    private static readonly AuthorityEncoding Only = new();

    /// <summary>This encoding for the authority; null, which is Kestrel's own, for all other headers.</summary>
    public static Encoding? Select(string header) => header == Authority ? Only : null;

    /// <inheritdoc/>
    public override int GetCharCount(byte[] bytes, int index, int count) =>
        IsHost(bytes.AsSpan(index, count)) ? count : Replacement.Length;

    /// <inheritdoc/>
    public override int GetChars(byte[] bytes, int byteIndex, int byteCount, char[] chars, int charIndex)
    {
        ReadOnlySpan<byte> given = bytes.AsSpan(byteIndex, byteCount);
        if (IsHost(given))
        {
            return ASCII.GetChars(given, chars.AsSpan(charIndex));
        }

        Replacement.CopyTo(chars.AsSpan(charIndex));
        return Replacement.Length;
    }

    /// <inheritdoc/>
    public override int GetMaxCharCount(int byteCount) => Math.Max(byteCount, Replacement.Length);

    /// <inheritdoc/>
    public override int GetByteCount(char[] chars, int index, int count) => ASCII.GetByteCount(chars, index, count);

    /// <inheritdoc/>
    public override int GetBytes(char[] chars, int charIndex, int charCount, byte[] bytes, int byteIndex) =>
        ASCII.GetBytes(chars, charIndex, charCount, bytes, byteIndex);

    /// <inheritdoc/>
    public override int GetMaxByteCount(int charCount) => ASCII.GetMaxByteCount(charCount);

    // Letters, digits, dots, dashes and underscores, then perhaps a port. Kestrel takes more, which need not be kept.
    private static bool IsHost(ReadOnlySpan<byte> text)
    {
        int colon = text.IndexOf((byte)':');
        ReadOnlySpan<byte> host = colon < 0 ? text : text[..colon];
        ReadOnlySpan<byte> port = colon < 0 ? "0"u8 : text[(colon + 1)..];
        return IsName(host) && port.Length is > 0 and <= LongestPort && !port.ContainsAnyExceptInRange((byte)'0', (byte)'9');
    }

    private static bool IsName(ReadOnlySpan<byte> host)
    {
        foreach (byte b in host)
        {
            if (!char.IsAsciiLetterOrDigit((char)b) && b is not ((byte)'.' or (byte)'-' or (byte)'_'))
            {
                return false;
            }
        }

        return host.Length > 0;
    }
}
