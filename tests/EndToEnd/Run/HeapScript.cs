using CocoGuest.Tests.EndToEnd.Foreign;

namespace CocoGuest.Tests.EndToEnd.Run;

/// <summary>Small Python programs that use heaps as any program does: they know Linux and nothing else.</summary>
internal static class HeapScript
{
    private const string Start =
        """
        import fcntl, mmap, os, struct, sys
        def alloc(size=8192, heap='system_cc_shared'):
            node = os.open('/dev/dma_heap/' + heap, os.O_RDWR | os.O_CLOEXEC)
            try:
                data = bytearray(struct.pack('QIIQ', size, 0, os.O_RDWR | os.O_CLOEXEC, 0))
                fcntl.ioctl(node, 0xC0184800, data)
                return struct.unpack('QIIQ', data)[1]
            finally:
                os.close(node)

        """;

    /// <summary>The command line of a program that begins with <c>alloc</c>.</summary>
    public static string[] Program(string body) => [ForeignTools.Python, "-c", Start + body];
}
