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
}
