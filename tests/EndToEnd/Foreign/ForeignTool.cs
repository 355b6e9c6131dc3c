namespace CocoGuest.Tests.EndToEnd.Foreign;

/// <summary>What a test needs that is not ours. test.sh installs it.</summary>
[Flags]
public enum ForeignTool
{
    /// <summary>Debian's Python with grpcio, and protoc with its Python plugins.</summary>
    Python = 1,

    /// <summary>Node.js alone.</summary>
    Node = 2,

    /// <summary>@grpc/grpc-js and @grpc/proto-loader from npm.</summary>
    NodeGrpc = 4,

    /// <summary>buf from npm.</summary>
    Buf = 8,

    /// <summary>The pictures of Debian's desktop-base.</summary>
    Pictures = 16,

    /// <summary>A C compiler with its library and the kernel's headers.</summary>
    Compiler = 32,

    /// <summary>Debian's busybox-static.</summary>
    Busybox = 64,

    /// <summary>Debian's Go.</summary>
    Go = 128,

    /// <summary>The kernel's own self-tests of dma-buf heaps and udmabuf, from Debian's kernel source package.</summary>
    KernelTests = 256,

    /// <summary>Debian's Python alone.</summary>
    PlainPython = 512,

    /// <summary>make.</summary>
    Make = 1024,

    /// <summary>A machine without dma-buf heaps of its own.</summary>
    NoHeaps = 2048,

    /// <summary>Root: the test makes a set-uid program.</summary>
    Root = 4096,

    /// <summary>CMake and pkg-config.</summary>
    CMake = 8192,

    /// <summary>The C compiler's address sanitizer.</summary>
    Sanitizers = 16384,

    /// <summary>Podman, and a machine that lets it start containers.</summary>
    Podman = 32768,

    /// <summary>Root, to become an ordinary user who may start coco where it lies.</summary>
    Nobody = 1 << 20,
}
