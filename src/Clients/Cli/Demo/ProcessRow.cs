using System.Text.Json.Nodes;

namespace CocoGuest.Cli.Demo;

/// <summary>Bytes that one process moved, by path.</summary>
/// <param name="Role">What it is in the demo.</param>
/// <param name="Pid">Process id in the operating system; null when the demo did not start it.</param>
/// <param name="Cpu">By its CPU, through shared memory.</param>
/// <param name="CpuByServer">By its CPU, through Load and Store.</param>
/// <param name="Dma">By its device, through shared memory.</param>
/// <param name="DmaByServer">By its device, through DmaRead and DmaWrite.</param>
/// <param name="Rdma">Over its RDMA connection.</param>
internal sealed record ProcessRow(string Role, int? Pid, ulong Cpu, ulong CpuByServer, ulong Dma, ulong DmaByServer, ulong Rdma)
{
    /// <summary>The row of a child from what its <c>stats</c> say.</summary>
    public static ProcessRow From(ChildProgram child, JsonNode stats)
    {
        ulong Value(string name) => stats[name]?.GetValue<ulong>() ?? 0;
        return new ProcessRow(
            child.Role,
            child.Pid,
            Value("cpuDirectBytes"),
            Value("cpuServerBytes"),
            Value("dmaDirectBytes"),
            Value("dmaServerBytes"),
            Value("sentBytes") + Value("receivedBytes") + Value("writtenByPeerBytes") + Value("readByPeerBytes"));
    }

    public JsonObject ToJson() => new()
    {
        ["role"] = Role,
        ["pid"] = Pid,
        ["cpuDirectBytes"] = Cpu,
        ["cpuServerBytes"] = CpuByServer,
        ["dmaDirectBytes"] = Dma,
        ["dmaServerBytes"] = DmaByServer,
        ["rdmaBytes"] = Rdma,
    };
}
