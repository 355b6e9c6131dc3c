using CocoGuest.Imaging;

namespace CocoGuest.Cli.Demo;

/// <summary>What the demo is asked to do.</summary>
/// <param name="Input">A PNG, JPEG or BMP file, or null: a picture is drawn.</param>
/// <param name="Size">Size of the drawn picture.</param>
/// <param name="Output">Where the application saves the result.</param>
/// <param name="Platform">"snp", "tdx", "sev" or "none".</param>
/// <param name="Heap">Heap of all picture buffers.</param>
/// <param name="Sync">Whether the application calls DMA_BUF_IOCTL_SYNC around its accesses.</param>
/// <param name="GpuFirst">Whether the GPU attaches before the RDMA importer.</param>
/// <param name="Mediated">Whether the devices are mediated: each access through the server.</param>
internal sealed record DemoOptions(
    string? Input, PictureLayout Size, string Output, string Platform, string Heap, bool Sync, bool GpuFirst, bool Mediated)
{
    public const string SharedHeap = "system_cc_shared";

    /// <summary>True on a guest whose memory the host cannot read.</summary>
    public bool Encrypted => Platform != "none";

    /// <summary>The heap when none is named: the shared one, which a plain guest does not have (S-HEAP-48).</summary>
    public static string DefaultHeap(string platform) => platform == "none" ? "system" : SharedHeap;
}
