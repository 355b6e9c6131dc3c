namespace CocoGuest.Supervisor.Files;

/// <summary>The call that made an emulated file, for the report.</summary>
/// <param name="Pid">Its process.</param>
/// <param name="Program">Name of the program.</param>
/// <param name="Call">The call in the field's words: <c>DMA_HEAP_IOCTL_ALLOC</c>, <c>open("/dev/dma_heap/system")</c>.</param>
/// <param name="Place">Where in the program: file and offset in it, as addr2line takes them.</param>
public sealed record Origin(int Pid, string Program, string Call, string Place)
{
    /// <summary>In one line, for people.</summary>
    public override string ToString() => $"{Call} by {Program}[{Pid}] at {Place}";
}
