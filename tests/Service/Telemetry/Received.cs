using System.Collections.Concurrent;
using System.Text;
using System.Threading.Channels;
using CocoGuest.Tests.Service.Probing;

namespace CocoGuest.Tests.Service.Telemetry;

/// <summary>The bodies of one signal that a collector took, for tests to search.</summary>
internal sealed class Received
{
    private readonly Channel<byte[]> _arriving = Channel.CreateUnbounded<byte[]>();
    private readonly ConcurrentQueue<byte[]> _all = new();

    /// <summary>Waits for a body that holds a text.</summary>
    internal async Task WithAsync(string text)
    {
        using var patience = new CancellationTokenSource(KestrelHost.Patience);
        while (!Has(text))
        {
            await _arriving.Reader.ReadAsync(patience.Token);
        }
    }

    /// <summary>Whether a text has arrived.</summary>
    internal bool Has(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        return _all.Any(body => body.AsSpan().IndexOf(bytes) >= 0);
    }

    internal void Add(byte[] body)
    {
        _all.Enqueue(body);
        _ = _arriving.Writer.TryWrite(body);
    }
}
