using System.Globalization;
using System.Text;
using CocoGuest.Machine.Diagnostics;

namespace CocoGuest.Cli.Run;

/// <summary>
/// Where the trace events of a run go as they happen, in the kernel's text: a file, or stderr. A program that reads <c>trace_pipe</c> gets
/// them all the same: this looks at the ring and takes nothing out of it.
/// </summary>
internal sealed class TraceOutput : IDisposable
{
    private const int Batch = 1024;

    private readonly string? _path;
    private readonly Stream _stream;
    private readonly AutoResetEvent _more = new(initialState: false);
    private Thread? _writer;
    private IDisposable? _subscription;
    private volatile bool _ended;
    private string? _wrong;

    private TraceOutput(string? path, Stream stream) => (_path, _stream) = (path, stream);

    /// <summary>Events written.</summary>
    public ulong Written { get; private set; }

    /// <summary>Opens a file before anything runs; null: stderr.</summary>
    /// <exception cref="FormatException">It cannot be written; the message says why.</exception>
    public static TraceOutput Open(string? path)
    {
        try
        {
            return new TraceOutput(path, path is null
                ? Console.OpenStandardError()
                : new FileStream(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0));
        }
        catch (Exception e) when (ReportFile.IsOfFiles(e))
        {
            throw new FormatException($"--trace-output: {ReportFile.Why(path!, e)}", e);
        }
    }

    /// <summary>Writes a guest's events from now on, in place of what is in the file.</summary>
    public void Follow(GuestTrace trace)
    {
        if (_path is not null && _stream is { CanSeek: true, Length: > 0 })
        {
            _stream.SetLength(0);
        }

        _writer = new Thread(() => Write(trace)) { IsBackground = true, Name = "trace" };
        _writer.Start();
        // Called under the guest's lock, so it only wakes the writer.
        _subscription = trace.Subscribe(() => _more.Set());
    }

    /// <summary>The run is over: what happened until now is written when this returns.</summary>
    /// <returns>Null, or why something could not be written, in a sentence.</returns>
    public string? Finish()
    {
        _subscription?.Dispose();
        _ended = true;
        _more.Set();
        _writer?.Join();
        return _wrong;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Finish();
        _stream.Dispose();
        _more.Dispose();
    }

    private void Write(GuestTrace trace)
    {
        ulong next = 1;
        bool last;
        do
        {
            _more.WaitOne();
            last = _ended;
            while (_wrong is null && trace.Read(next, Batch, out ulong lost) is { Count: > 0 } events)
            {
                var text = new StringBuilder();
                if (lost != 0)
                {
                    text.Append(CultureInfo.InvariantCulture, $"CPU:{events[0].Cpu} [LOST {lost} EVENTS]\n");
                }

                foreach (TraceEvent one in events)
                {
                    text.Append(one.Line).Append('\n');
                }

                next = events[^1].Sequence + 1;
                Written += (ulong)events.Count;
                _wrong = Put(text.ToString());
            }
        }
        while (!last);
    }

    // A full disk changes nothing of how the program ends.
    private string? Put(string text)
    {
        try
        {
            _stream.Write(Encoding.UTF8.GetBytes(text));
            return null;
        }
        catch (Exception e) when (ReportFile.IsOfFiles(e))
        {
            return _path is null ? "" : $"--trace-output: {ReportFile.Why(_path, e)}";
        }
    }
}
