namespace CocoGuest.Machine.Files;

/// <summary>One row of <see cref="FileCallTable"/>.</summary>
/// <param name="Call">The call.</param>
/// <param name="Need">Access that it needs, checked first.</param>
/// <param name="DmaBuf">What it answers on a dma-buf; None: it succeeds and returns 0.</param>
/// <param name="HeapDevice">What it answers on a heap's node.</param>
internal sealed record FileCallRule(FileCall Call, AccessNeed Need, Errno DmaBuf, Errno HeapDevice);
