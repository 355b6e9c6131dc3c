using System.IO.Compression;

namespace Grpc.Net.Compression;

/// <summary>One way to compress messages.</summary>
public interface ICompressionProvider
{
    /// <summary>The name in <c>grpc-encoding</c>.</summary>
    string EncodingName { get; }

    /// <summary>Makes a stream that compresses what is written into it. Closing it leaves the given stream open.</summary>
    /// <param name="stream">Takes the compressed bytes.</param>
    /// <param name="compressionLevel">The level; null for the provider's.</param>
    /// <returns>The compressing stream.</returns>
    Stream CreateCompressionStream(Stream stream, CompressionLevel? compressionLevel);

    /// <summary>Makes a stream that decompresses.</summary>
    /// <param name="stream">Gives the compressed bytes.</param>
    /// <returns>The decompressing stream.</returns>
    Stream CreateDecompressionStream(Stream stream);
}
