using CocoGuest.Machine.Abi;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Machine.DmaBufs;

/// <summary>A memfd of the host that a native process of the guest has open (S-BUF-114).</summary>
public interface INativeMemfd
{
    /// <summary>Bytes.</summary>
    ulong Size { get; }

    /// <summary>Its F_SEAL_* bits.</summary>
    FileSeals Seals { get; }

    /// <summary>A new open file on it, readable and writable, which the caller closes.</summary>
    /// <returns>The errno of the host.</returns>
    Result<SafeFileHandle> Open();
}
