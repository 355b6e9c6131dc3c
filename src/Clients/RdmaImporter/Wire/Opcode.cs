namespace CocoGuest.RdmaImporter.Wire;

/// <summary>Kinds of frames between two importers.</summary>
internal enum Opcode : byte
{
    /// <summary>Header, then the bytes.</summary>
    Write = 1,

    /// <summary>Header only; asks for the bytes.</summary>
    Read = 2,

    /// <summary>Answers a write, and a read that failed: its status.</summary>
    Acknowledge = 3,

    /// <summary>A piece of the bytes of a read: header, then <c>Length</c> bytes.</summary>
    ReadResponse = 4,
}
