using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Supervisor.Target;

/// <summary>The number of an fd for as long as a call needs it.</summary>
internal readonly ref struct BorrowedFd : IDisposable
{
    private readonly SafeFileHandle _handle;

    public BorrowedFd(SafeFileHandle handle)
    {
        bool added = false;
        handle.DangerousAddRef(ref added);
        _handle = handle;
    }

    public int Number => (int)_handle.DangerousGetHandle();

    public void Dispose() => _handle.DangerousRelease();
}
