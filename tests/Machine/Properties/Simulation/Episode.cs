using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Fences;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Profiles;
using CocoGuest.Machine.Rdma;
using CocoGuest.Tests.Machine.Guests;

namespace CocoGuest.Tests.Machine.Properties.Simulation;

/// <summary>
/// The life of one guest in the simulation: random calls with right, wrong and stale arguments. It remembers only what it was given,
/// to have something to call with; what it remembers may be gone already, which is a call like any other. What the guest answers goes
/// into a digest.
/// </summary>
internal sealed partial class Episode : IDisposable
{
    private const int MostProcesses = 6;
    private const int MostPicks = 160;
    private const int FewThings = 24;
    private const int MostBytes = 512;
    private readonly TestGuest _test;
    private readonly Guest _guest;
    private readonly Dice _dice;
    private readonly Audit _audit;
    private readonly string[] _heaps;
    private readonly byte[] _bytes = new byte[1 << 16];
    private readonly List<GuestProcess> _processes = [];
    private readonly List<(GuestProcess Process, int Fd, ulong Size)> _fds = [];
    private readonly List<(GuestProcess Process, ulong Address, ulong Length)> _vmas = [];
    private readonly List<(GuestProcess Process, ulong Id)> _attachments = [];
    private readonly List<(GuestProcess Process, string Device, ulong Address, ulong Length)> _mapped = [];
    private readonly List<(GuestProcess Process, string Name)> _devices = [];
    private readonly List<(GuestProcess Process, ulong Id)> _pins = [];
    private readonly List<Handle128> _tokens = [];
    private readonly bool _faulty;
    private readonly MemoryCensus _booted;
    private Digest _digest;
    private int _names;

    /// <param name="test">A guest that was just booted.</param>
    /// <param name="dice">Decides everything.</param>
    /// <param name="faulty">Faults are armed now and then.</param>
    /// <param name="digest">Digest of the run so far.</param>
    public Episode(TestGuest test, Dice dice, bool faulty, Digest digest)
    {
        _test = test;
        _guest = test.Guest;
        _dice = dice;
        _faulty = faulty;
        _digest = digest;
        _audit = new Audit(_guest, faulty);
        _heaps = [.. _guest.HeapNodes.Select(h => h.Name)];
        _booted = test.Snapshot().Memory;
        _processes.Add(test.Init);
    }

    /// <summary>The guest.</summary>
    public Guest Guest => _guest;

    /// <summary>The guest terminated itself, which only an injected fault may bring about (S-SNP-37).</summary>
    public bool Ended { get; private set; }

    /// <summary>Answers so far.</summary>
    public Digest Digest => _digest;

    /// <summary>Checks all invariants now.</summary>
    public void Check() => _audit.Check();

    /// <summary>Everybody lets go of everything; then nothing may be left.</summary>
    public void Finish()
    {
        if (Ended)
        {
            return;
        }

        _guest.Faults.ClearAll();
        foreach (GuestProcess process in _processes)
        {
            _ = ReferenceEquals(process, _test.Init) ? LetGo(process) : _guest.Processes.End(process);
        }

        if (_guest.Core.Gate.Begin() is not null)
        {
            return;
        }

        _test.Time.Advance(GuestLimits.LongestTokenLife);
        _guest.Buffers.ExpireTokens();
        _audit.Check();
        GuestSnapshot end = _guest.Snapshot();
        ObjectCensus objects = end.Objects;
        Violation.Unless(
            end.Memory.Used == _booted.Used && (_faulty || end.Memory.Leaked == 0)
                && objects is { Buffers: 0, Attachments: 0, ShareTokens: 0, Processes: 1 },
            $"after the end of everybody: {end.Memory}, at boot {_booted}; {objects}");
        GuestFences fences = _guest.Fences;
        Violation.Unless(
            fences.Waits.Count == 0 && fences.Deadlines.Count == 0 && _guest.Pins.PinnedPages == 0
                && !_guest.Rdma.Holdings.Any() && _guest.Drm.Devices.All(d => d.Objects == 0),
            $"after the end of everybody: {fences.Waits.Count} waits, {fences.Deadlines.Count} deadlines, {_guest.Pins.PinnedPages} pins");
        _digest.Add(end.Memory.Free);
        _digest.Add(end.Dma.Mapped);
        _digest.Add(end.Memory.Leaked);
    }

    public void Dispose() => _test.Dispose();

    // What init holds goes by calls, for it does not exit.
    private Failure? LetGo(GuestProcess init)
    {
        Failure? failure = _guest.Processes.Exec(init);
        foreach (int fd in init.Fds.OpenFds().ToArray())
        {
            failure ??= _guest.Buffers.Release(init, fd);
        }

        GuestImporters.DropVmaps(init);
        foreach (RegionHolding region in _guest.Rdma.Holdings.Where(r => ReferenceEquals(r.Owner, init)).ToArray())
        {
            failure ??= _guest.Rdma.DeregisterMr(init, region.Shown.Key);
        }

        _pins.FindAll(p => ReferenceEquals(p.Process, init)).ForEach(p => _guest.Pins.Unpin(init, p.Id));
        foreach (ulong id in init.Attachments.Keys.ToArray())
        {
            // A dynamic importer may have pinned it as often as it liked: the revoke undoes that.
            _guest.Importers.Unmap(init, id);
            _guest.Importers.Revoke(init, id);
            failure ??= _guest.Importers.Detach(init, id);
        }

        // The last conversion back may still end the guest that a fault left in disorder.
        Violation.Unless(failure is null || (_faulty && failure.Errno == Errno.EOWNERDEAD), $"init cannot let go: {failure}");
        return failure;
    }

    private void Note(Failure? failure)
    {
        if (failure is not null && (failure.Errno == Errno.None || failure.Sentence.Length == 0))
        {
            Violation.Now($"a failure without errno or sentence: {failure}");
        }

        if (failure?.Errno == Errno.EOWNERDEAD)
        {
            Violation.Unless(_faulty, $"the guest ended although no fault was injected: {failure.Sentence}");
            Ended = true;
        }

        _digest.Add(failure is null ? 0UL : (ulong)failure.Errno);
    }

    private bool Note<T>(Result<T> result)
    {
        Note(result.Failure);
        return result.Ok;
    }

    private GuestProcess Somebody() => _processes[_dice.Below(_processes.Count)];

    // Any of the list, or false; a full list loses one.
    private bool Pick<T>(List<T> list, out T picked)
    {
        picked = default!;
        if (list.Count == 0)
        {
            return false;
        }

        picked = list[_dice.Below(list.Count)];
        return true;
    }

    private bool Take<T>(List<T> list, out T taken)
    {
        taken = default!;
        if (list.Count == 0)
        {
            return false;
        }

        int index = _dice.Below(list.Count);
        taken = list[index];
        list[index] = list[^1];
        list.RemoveAt(list.Count - 1);
        return true;
    }

    private static void Keep<T>(List<T> list, T item)
    {
        if (list.Count < 4 * MostPicks)
        {
            list.Add(item);
        }
    }
}
