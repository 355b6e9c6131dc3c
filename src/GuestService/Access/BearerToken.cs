using System.Security.Cryptography;
using System.Text;

namespace CocoGuest.Service.Access;

/// <summary>The token that opens privileged calls over TCP: 128 random bits, new at each start, printed once.</summary>
internal sealed class BearerToken
{
    private const string Scheme = "Bearer ";
    private readonly byte[] _expected;

    /// <summary>A new token.</summary>
    public BearerToken()
    {
        Text = RandomNumberGenerator.GetHexString(32, lowercase: true);
        _expected = Encoding.ASCII.GetBytes(Scheme + Text);
    }

    /// <summary>The token as 32 hex digits.</summary>
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
