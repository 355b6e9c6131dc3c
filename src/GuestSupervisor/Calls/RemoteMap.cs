using System.Collections.Concurrent;
using CocoGuest.Machine.Abi;
using CocoGuest.Supervisor.Target;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Supervisor.Calls;

/// <summary>
/// mmap of memory that no file shows in one piece at the offset of the call: objects of a DRM node at their fake offsets, a udmabuf of
/// several ranges. The files of the pieces are put into the program's fd table for a moment, and its own thread is made to map them.
/// </summary>
internal sealed class RemoteMap
{
    private const long Mmap = 9;
    private const long Munmap = 11;
    private const long Close = 3;
    private const ulong MapShared = 1;
    private const ulong MapPrivate = 2;
    private const ulong MapFixed = 0x10;
    private const ulong MapAnonymous = 0x20;
    private const ulong MapFixedNoReplace = 0x100000;
    private readonly ConcurrentDictionary<int, int> _busy = new();

    /// <summary>True for a thread that is made to map the pieces: the filter stops those calls too, and they are let through.</summary>
    public bool IsBusy(int tid) => _busy.ContainsKey(tid);

    /// <summary>Maps the pieces one behind the other; the call ends with the address.</summary>
    /// <param name="call">The stopped mmap.</param>
    /// <param name="pieces">Files, offsets and lengths; all pages. The files are closed.</param>
    /// <param name="firstNumber">A free number of the reserved range; as many as there are pieces are used.</param>
    public void Map(StoppedCall call, IReadOnlyList<MapPiece> pieces, int firstNumber)
    {
        for (int i = 0; i < pieces.Count; i++)
        {
            using SafeFileHandle file = pieces[i].File;
            if (call.Channel.Inject(call.Id, file, firstNumber + i, closeOnExec: true) is var refused and not Errno.None)
            {
                call.Fail(refused);
                return;
            }
        }

        _busy[call.Tid] = call.Tid;
        // ptrace belongs to a thread, and the supervisor's own has to answer the calls that the program makes meanwhile.
        _ = Task.Factory.StartNew(
            () => MapThere(call, pieces, firstNumber), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    private void MapThere(StoppedCall call, IReadOnlyList<MapPiece> pieces, int firstNumber)
    {
        try
        {
            using var remote = RemoteCalls.Begin(call.Tid);
            if (remote is null)
            {
                _busy.TryRemove(call.Tid, out _);
                call.Fail(Errno.EOPNOTSUPP);
                return;
            }

            call.Return(0);
            if (remote.WaitForStop())
            {
                remote.Result = Place(call, pieces, firstNumber, remote);
                for (int i = 0; i < pieces.Count; i++)
                {
                    remote.Call(Close, (ulong)(firstNumber + i));
                }

                // Before it runs again: its next mmap is its own.
                _busy.TryRemove(call.Tid, out _);
            }
        }
        finally
        {
            _busy.TryRemove(call.Tid, out _);
        }
    }

    // Room first, then the pieces over it: all of it or nothing.
    private static long Place(StoppedCall call, IReadOnlyList<MapPiece> pieces, int firstNumber, RemoteCalls remote)
    {
        ulong where = call[3] & (MapFixed | MapFixedNoReplace);
        long start = remote.Call(Mmap, call[0], call[1], 0, MapPrivate | MapAnonymous | where, ulong.MaxValue, 0);
        if (start < 0)
        {
            return start;
        }

        ulong at = (ulong)start;
        for (int i = 0; i < pieces.Count; i++)
        {
            ulong flags = (call[3] & (MapShared | MapPrivate)) | MapFixed;
            long mapped = remote.Call(Mmap, at, pieces[i].Length, call[2], flags, (ulong)(firstNumber + i), pieces[i].Offset);
            if (mapped < 0)
            {
                remote.Call(Munmap, (ulong)start, call[1]);
                return mapped;
            }

            at += pieces[i].Length;
        }

        return start;
    }
}
