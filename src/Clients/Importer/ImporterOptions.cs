using System.CommandLine;
using System.Globalization;
using CocoGuest.Client;
using CocoGuest.V1;

namespace CocoGuest.Importer;

/// <summary>The options that all importer programs have, and the values given.</summary>
public sealed class ImporterOptions
{
    private readonly Option<string?> _server = new("--server")
    {
        Description = "The server: unix:PATH, a path, or http://HOST:PORT. Default: COCOGUEST_SOCKET, else <runtime>/cocoguest.sock.",
    };

    private readonly Option<string?> _token = new("--token") { Description = "Bearer token for privileged calls over TCP." };
    private readonly Option<string> _guest = new("--guest") { Description = "The guest.", DefaultValueFactory = _ => "" };
    private readonly Option<string> _name = new("--name") { Description = "Name of the guest process, for people." };
    private readonly Option<string> _device = new("--device") { Description = "Name of the device, unique in the guest." };

    private readonly Option<DeviceMode> _mode = new("--mode")
    {
        Description = "mapped: bytes by shared memory; mediated: each access through the server.",
        DefaultValueFactory = _ => DeviceMode.Mapped,
    };

    private readonly Option<string?> _dmaMask = new("--dma-mask") { Description = "DMA mask, for example 0xffffffff. Default: 64 bits." };
    private readonly Option<string?> _minAlignMask = new("--min-align-mask")
    {
        Description = "min_align_mask, for example 0xfff. Default: 0.",
    };

    private readonly Option<bool> _trusted = new("--trusted") { Description = "A T=1 device, which may see private memory." };

    /// <summary>Makes the options of a program.</summary>
    /// <param name="name">Default process name.</param>
    /// <param name="device">Default device name.</param>
    public ImporterOptions(string name, string device)
    {
        _name.DefaultValueFactory = _ => name;
        _device.DefaultValueFactory = _ => device;
    }

    /// <summary>Adds the options to a command.</summary>
    /// <param name="command">The program's root command.</param>
    public void AddTo(Command command)
    {
        foreach (Option option in new Option[] { _server, _token, _guest, _name, _device, _mode, _dmaMask, _minAlignMask, _trusted })
            command.Options.Add(option);
    }

    /// <summary>Connects as the options say.</summary>
    /// <param name="parsed">The parsed command line.</param>
    public CocoConnection Connect(ParseResult parsed) => CocoConnection.Connect(parsed.GetValue(_server), parsed.GetValue(_token));

    /// <summary>Opens the importer's guest process.</summary>
    /// <param name="parsed">The parsed command line.</param>
    /// <param name="connection">The server.</param>
    /// <param name="cancel">Gives up.</param>
    public Task<GuestProcess> OpenProcessAsync(ParseResult parsed, CocoConnection connection, CancellationToken cancel) =>
        GuestProcess.OpenAsync(connection, parsed.GetValue(_guest)!, parsed.GetValue(_name)!, cancel);

    /// <summary>The device that the options describe.</summary>
    /// <param name="parsed">The parsed command line.</param>
    /// <param name="kind">For people: <c>rdma</c>, <c>drm</c>.</param>
    /// <exception cref="FormatException">A mask is not a number.</exception>
    public DeviceOptions Device(ParseResult parsed, string kind) => new()
    {
        Name = parsed.GetValue(_device)!,
        Kind = kind,
        Mode = parsed.GetValue(_mode),
        Trusted = parsed.GetValue(_trusted),
        DmaMask = parsed.GetValue(_dmaMask) is { } mask ? ParseNumber(mask) : null,
        MinAlignMask = parsed.GetValue(_minAlignMask) is { } align ? ParseNumber(align) : 0,
    };

    private static ulong ParseNumber(string text) => text.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
        ? ulong.Parse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture)
        : ulong.Parse(text, CultureInfo.InvariantCulture);
}
