using System.Numerics;

namespace CocoGuest.Machine.Files;

/// <summary>
/// The fd table of a process: lowest free number first, from 3 on (0 to 2 are the standard streams) or from the table's own floor.
/// Models: numbers, the limit (EMFILE), close-on-exec as a property of the fd. Does not model: what the standard streams are; they are
/// open until something else is put in their place.
/// </summary>
internal sealed class FdTable(int limit)
{
    private const int FirstFd = 3;
    private const int WordBits = 64;
    private ulong[] _used = [(1UL << FirstFd) - 1];
    private Entry[] _entries = new Entry[WordBits];
    private int _firstWordWithRoom;
    private int _floor = FirstFd;

    private int[] _blocked = [];

    // Bit n: number n still is the standard stream that it was from the start.
    private uint _streams = (1u << FirstFd) - 1;

    /// <summary>RLIMIT_NOFILE: new numbers stay below it.</summary>
    public int Limit { get; set; } = limit;

    /// <summary>Open fds.</summary>
    public int Count { get; private set; }

    /// <summary>
    /// Numbers below are given to nobody, though <see cref="Replace"/> may use them:
    /// other files than this table's have them. For an empty table.
    /// </summary>
    public void ReserveBelow(int floor)
    {
        while (_used.Length * WordBits <= floor)
        {
            Array.Resize(ref _used, _used.Length * 2);
            Array.Resize(ref _entries, _entries.Length * 2);
        }

        _floor = floor;
        _streams = 0;
        int word = floor / WordBits;
        _used.AsSpan(0, word).Fill(ulong.MaxValue);
        _used[word] = (1UL << (floor % WordBits)) - 1;
        _firstWordWithRoom = word;
    }

    /// <summary>
    /// True for a number of the standard streams that nothing was ever put at: it is open, and what it leads to is no file of the guest's.
    /// </summary>
    public bool IsStream(int fd) => fd is >= 0 and < FirstFd && (_streams & (1u << fd)) != 0;

    /// <summary>True if a number is free (else EMFILE).</summary>
    public bool HasRoom => LowestFree() >= 0;

    /// <summary>
    /// Numbers that lead to no file of the guest's are given to nobody: these, and no longer those of the call before. A file may still be
    /// put at one by <see cref="Replace"/>.
    /// </summary>
    public void Block(int[] numbers)
    {
        foreach (int fd in _blocked.Where(fd => Find(fd) is null))
        {
            Free(fd);
        }

        _blocked = numbers;
        foreach (int fd in numbers.Where(CanHold))
        {
            while (fd >= _entries.Length)
            {
                Grow();
            }

            _used[fd / WordBits] |= 1UL << (fd % WordBits);
        }
    }

    /// <summary>Installs a file at the lowest free number; −1 when the table is full (EMFILE).</summary>
    public int Install(GuestFile file, bool closeOnExec)
    {
        int fd = LowestFree();
        if (fd < 0)
        {
            return -1;
        }

        _used[fd / WordBits] |= 1UL << (fd % WordBits);
        _entries[fd] = new Entry(file, closeOnExec);
        Count++;
        return fd;
    }

    private int LowestFree()
    {
        int word = _firstWordWithRoom;
        while (word < _used.Length && _used[word] == ulong.MaxValue)
        {
            word++;
        }

        if (word == _used.Length && !Grow())
        {
            return -1;
        }

        _firstWordWithRoom = word;
        int fd = (word * WordBits) + BitOperations.TrailingZeroCount(~_used[word]);
        return fd < Limit ? fd : -1;
    }

    /// <summary>Installs a file at the lowest free number from a minimum on, as F_DUPFD does; −1 when there is none.</summary>
    public int InstallFrom(GuestFile file, bool closeOnExec, int minimum)
    {
        if (minimum <= _floor)
        {
            return Install(file, closeOnExec);
        }

        for (int fd = minimum; fd < Limit; fd++)
        {
            if (Find(fd) is null)
            {
                Place(fd, file, closeOnExec);
                return fd;
            }
        }

        return -1;
    }

    /// <summary>Puts a file at a number, as dup2 does.</summary>
    /// <returns>The file that was there, whose reference passes to the caller; null: none.</returns>
    public GuestFile? Replace(int fd, GuestFile file, bool closeOnExec)
    {
        GuestFile? old = Find(fd) is null ? null : Remove(fd);
        Place(fd, file, closeOnExec);
        return old;
    }

    /// <summary>True for a number that the table can hold.</summary>
    public bool CanHold(int fd) => fd >= 0 && fd < Limit;

    /// <summary>The file behind a fd, or null (EBADF).</summary>
    public GuestFile? Find(int fd) => (uint)fd < (uint)_entries.Length ? _entries[fd].File : null;

    /// <summary>FD_CLOEXEC of an open fd.</summary>
    public bool IsCloseOnExec(int fd) => Find(fd) is not null && _entries[fd].CloseOnExec;

    /// <summary>Takes a fd out; the caller drops its reference. Null: EBADF.</summary>
    public GuestFile? Remove(int fd)
    {
        if (Find(fd) is not { } file)
        {
            return null;
        }

        _entries[fd] = default;
        Count--;
        if (!_blocked.Contains(fd))
        {
            Free(fd);
        }

        return file;
    }

    /// <summary>F_SETFD's one flag.</summary>
    public void SetCloseOnExec(int fd, bool on) => _entries[fd] = _entries[fd] with { CloseOnExec = on };

    /// <summary>Takes over all fds of another table, as fork does; each is a reference of its own.</summary>
    public void CopyFrom(FdTable other)
    {
        _used = [.. other._used];
        _entries = [.. other._entries];
        _firstWordWithRoom = other._firstWordWithRoom;
        _floor = other._floor;
        _streams = other._streams;
        _blocked = other._blocked;
        Limit = other.Limit;
        Count = other.Count;
        foreach (Entry entry in _entries)
        {
            if (entry.File is { } file)
            {
                file.References++;
            }
        }
    }

    /// <summary>Open fds in ascending order, as exit closes them.</summary>
    public IEnumerable<int> OpenFds()
    {
        for (int fd = 0; fd < _entries.Length; fd++)
        {
            if (_entries[fd].File is not null)
            {
                yield return fd;
            }
        }
    }

    private void Place(int fd, GuestFile file, bool closeOnExec)
    {
        while (fd >= _entries.Length)
        {
            Grow();
        }

        _used[fd / WordBits] |= 1UL << (fd % WordBits);
        _streams &= fd < FirstFd ? ~(1u << fd) : uint.MaxValue;
        _entries[fd] = new Entry(file, closeOnExec);
        Count++;
    }

    private void Free(int fd)
    {
        if (fd >= _floor)
        {
            int word = fd / WordBits;
            _used[word] &= ~(1UL << (fd % WordBits));
            _firstWordWithRoom = Math.Min(_firstWordWithRoom, word);
        }
    }

    private bool Grow()
    {
        if (_entries.Length >= Limit)
        {
            return false;
        }

        Array.Resize(ref _used, _used.Length * 2);
        Array.Resize(ref _entries, _entries.Length * 2);
        return true;
    }

    private readonly record struct Entry(GuestFile? File, bool CloseOnExec);
}
