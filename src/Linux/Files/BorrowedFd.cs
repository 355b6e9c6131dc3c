using System.Runtime.InteropServices;

namespace CocoGuest.Linux.Files;

/// <summary>The number of an fd for as long as a call needs it.</summary>
internal readonly ref struct BorrowedFd : IDisposable
{
    private readonly SafeHandle _handle;

    public BorrowedFd(SafeHandle handle)
    {
        bool added = false;
        handle.DangerousAddRef(ref added);
        _handle = handle;
    }

    public int Number => (int)_handle.DangerousGetHandle();

    public void Dispose() => _handle.DangerousRelease();
}
