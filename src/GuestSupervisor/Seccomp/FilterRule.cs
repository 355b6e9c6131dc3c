namespace CocoGuest.Supervisor.Seccomp;

/// <summary>
/// When the filter stops a system call. Numbers of fds decide wherever they can, so that everybody else's calls run at native speed.
/// </summary>
/// <param name="Call">The system call.</param>
/// <param name="Kind">What decides.</param>
/// <param name="FdArguments">Indices of the arguments that are fds, for <see cref="FilterKind.OurFd"/> and
/// <see cref="FilterKind.Ioctl"/>.</param>
internal sealed record FilterRule(SystemCall Call, FilterKind Kind, params int[] FdArguments);
