namespace CocoGuest.Linux.Processes;

/// <summary>
/// Random bytes of the kernel, by getrandom. The framework's own source of secrets is OpenSSL's, and a small image has no libssl.
/// </summary>
public static unsafe class Entropy
{
    /// <summary>Fills a span with bytes that nobody can guess.</summary>
    public static void Fill(Span<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            nint got;
            fixed (byte* to = bytes)
            {
                got = Libc.Getrandom(to, (nuint)bytes.Length, 0);
            }

            // A signal may come before the kernel has gathered enough, early in a machine's life.
            bytes = bytes[(int)Math.Max(got, 0)..];
        }
    }
}
