using System.Text;
using CocoGuest.Linux;
using CocoGuest.Linux.Files;
using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Supervisor.Target;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Supervisor.Calls;

/// <summary>
/// trace_pipe: each open is a pipe into which the guest's trace lines go as they come. A reader that does not read loses the lines that
/// find no room, as the kernel's ring loses the oldest.
/// </summary>
internal sealed class TracePump(Guest guest, EventSet events) : IDisposable
{
    private const int MostLines = 256;
    private readonly List<SafeFileHandle> _readers = [];

    /// <summary>Gives the caller a reader.</summary>
    public Errno Open(StoppedCall call, bool closeOnExec, bool waits)
    {
        (SafeFileHandle read, SafeFileHandle write) = Pipe.Create();
        using (read)
        {
            if (!waits)
            {
                _ = Libc.Fcntl(read, Libc.FSetfl, Libc.ONonblock);
            }

            Errno refused = call.Channel.InjectAndReturn(call.Id, read, closeOnExec);
            if (refused != Errno.None)
            {
                write.Dispose();
                return refused;
            }
        }

        _readers.Add(write);
        ulong key = 0;
        key = events.Add(write, EventSet.Broken, () =>
        {
            events.Remove(key);
            _readers.Remove(write);
            write.Dispose();
        });
        return Errno.None;
    }

    /// <summary>Hands on what the machine traced since the last time.</summary>
    public void Run()
    {
        if (_readers.Count == 0 || guest.Trace.TakeLines(MostLines) is not { Length: > 0 } lines)
        {
            return;
        }

        byte[] text = Encoding.UTF8.GetBytes(lines);
        foreach (SafeFileHandle reader in _readers)
        {
            _ = Pipe.TryWrite(reader, text);
        }
    }

    public void Dispose() => _readers.ForEach(static r => r.Dispose());
}
