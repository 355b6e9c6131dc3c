using System.Collections.Frozen;
using CocoGuest.Machine.Abi;
using Grpc.Core;

namespace CocoGuest.Service.Errors;

/// <summary>
/// The one place that turns an errno into a gRPC status code. docs/protocol.md shows the same table; a test keeps them equal.
/// </summary>
internal static class ErrnoStatusMap
{
    /// <summary>All rows.</summary>
    public static FrozenDictionary<Errno, StatusCode> Rows { get; } = new Dictionary<Errno, StatusCode>
    {
        [Errno.EPERM] = StatusCode.PermissionDenied,
        [Errno.ENOENT] = StatusCode.NotFound,
        [Errno.EINTR] = StatusCode.Aborted,
        [Errno.EIO] = StatusCode.Aborted,
        [Errno.ENXIO] = StatusCode.NotFound,
        [Errno.EBADF] = StatusCode.FailedPrecondition,
        [Errno.EBADFD] = StatusCode.FailedPrecondition,
        [Errno.EAGAIN] = StatusCode.Unavailable,
        [Errno.ENOMEM] = StatusCode.ResourceExhausted,
        [Errno.EACCES] = StatusCode.PermissionDenied,
        [Errno.EFAULT] = StatusCode.OutOfRange,
        [Errno.EBUSY] = StatusCode.FailedPrecondition,
        [Errno.EEXIST] = StatusCode.AlreadyExists,
        [Errno.ENODEV] = StatusCode.NotFound,
        [Errno.ENOTDIR] = StatusCode.InvalidArgument,
        [Errno.ELOOP] = StatusCode.InvalidArgument,
        [Errno.EISDIR] = StatusCode.InvalidArgument,
        [Errno.EINVAL] = StatusCode.InvalidArgument,
        [Errno.ENFILE] = StatusCode.ResourceExhausted,
        [Errno.EMFILE] = StatusCode.ResourceExhausted,
        [Errno.ENOTTY] = StatusCode.Unimplemented,
        [Errno.ENOSPC] = StatusCode.ResourceExhausted,
        [Errno.ESPIPE] = StatusCode.InvalidArgument,
        [Errno.ERANGE] = StatusCode.OutOfRange,
        [Errno.ENOSYS] = StatusCode.Unimplemented,
        [Errno.ENODATA] = StatusCode.NotFound,
        [Errno.ETIME] = StatusCode.DeadlineExceeded,
        [Errno.EOVERFLOW] = StatusCode.OutOfRange,
        [Errno.EOPNOTSUPP] = StatusCode.Unimplemented,
        [Errno.ETIMEDOUT] = StatusCode.DeadlineExceeded,
        [Errno.EREMOTEIO] = StatusCode.FailedPrecondition,
        [Errno.EOWNERDEAD] = StatusCode.FailedPrecondition,
    }.ToFrozenDictionary();

    /// <summary>The status code for an errno; UNKNOWN for one that is in no row.</summary>
    public static StatusCode Of(Errno errno) => Rows.GetValueOrDefault(errno, StatusCode.Unknown);
}
