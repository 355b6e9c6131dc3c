namespace CocoGuest.Machine.Files;

/// <summary>An fd that an ioctl made.</summary>
/// <param name="Fd">Its number.</param>
/// <param name="CloseOnExec">It has FD_CLOEXEC.</param>
/// <param name="Operation">The ioctl, by the name that the kernel's headers give it.</param>
public readonly record struct MadeFd(int Fd, bool CloseOnExec, string Operation);
