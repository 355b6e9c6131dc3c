using System.Security.Cryptography;
using System.Text;
using CocoGuest.Linux.Processes;
using CocoGuest.Service.Starting;

namespace CocoGuest.Service.Access;

/// <summary>The token that opens privileged calls over TCP: 128 random bits, new at each start, or from a file.</summary>
internal sealed class BearerToken
{
    private const string Scheme = "Bearer ";
    private readonly byte[] _expected;

    private BearerToken(string text)
    {
        Text = text;
        _expected = Encoding.ASCII.GetBytes(Scheme + Text);
    }

    /// <summary>The token of a file; without one, a new token.</summary>
    /// <exception cref="StartupException">The file is no good.</exception>
    public static BearerToken Of(string? file)
    {
        Span<byte> random = stackalloc byte[16];
        Entropy.Fill(random);
        string made = Convert.ToHexStringLower(random);
        return new BearerToken(file is null ? made : TokenFile.ReadOrMake(file, made));
    }

    /// <summary>The token: 32 hex digits where it was made here.</summary>
    public string Text { get; }

    /// <summary>Compares an <c>authorization</c> header in time that does not depend on where it differs.</summary>
    public bool Matches(string? header)
    {
        if (header is null || header.Length != _expected.Length)
        {
            return false;
        }

        Span<byte> given = stackalloc byte[_expected.Length];
        return Encoding.ASCII.TryGetBytes(header, given, out int written)
            && CryptographicOperations.FixedTimeEquals(given[..written], _expected);
    }
}
