using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Service.Broker;

/// <summary>Bytes on their way to a client of the broker.</summary>
/// <param name="Bytes">All of them.</param>
/// <param name="Fd">Goes with the first byte; closed when it was sent, or when it never will be. Null: none.</param>
/// <param name="Sent">Completed once they are in the socket's buffer; null: nobody waits for that.</param>
internal readonly record struct OutgoingFrame(byte[] Bytes, SafeFileHandle? Fd = null, TaskCompletionSource? Sent = null);
