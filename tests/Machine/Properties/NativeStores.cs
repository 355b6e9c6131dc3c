using CocoGuest.Machine.Files;
using CocoGuest.Tests.Machine.Properties.Model;

namespace CocoGuest.Tests.Machine.Properties;

/// <summary>
/// A native process beside a world: it maps private buffers, stores secrets through its mappings, and keeps them when the buffers are
/// gone, when what it stores has to reach nobody.
/// </summary>
internal sealed class NativeStores(World world, int seed) : IDisposable
{
    private const int MostMarkers = 20;
    private readonly Random _dice = new(seed);
    private readonly Dictionary<ulong, FileStream> _files = [];

    /// <summary>Stores to buffers that live, and to such that are gone.</summary>
    public (int Live, int Gone) Stores { get; private set; }

    /// <summary>Maps one more private buffer, and stores to one that is mapped.</summary>
    public void Step()
    {
        ModelFd[] hidden =
        [
            .. world.Model.Fds.Where(f =>
                world.Model.Buffers[f.Inode] is { Shared: false, ReadOnly: false } && !_files.ContainsKey(f.Inode)),
        ];
        if (hidden.Length != 0)
        {
            Open(hidden[_dice.Next(hidden.Length)]);
        }

        if (_files.Count != 0)
        {
            StoreTo(_files.Keys.Order().ElementAt(_dice.Next(_files.Count)));
        }
    }

    /// <summary>The planted leak: a client gets the memory that is for native processes.</summary>
    public void GiveToClients()
    {
        foreach ((ulong inode, FileStream file) in _files)
        {
            world.Files.Add((inode, file));
        }

        _files.Clear();
    }

    public void Dispose()
    {
        foreach (FileStream file in _files.Values)
        {
            file.Dispose();
        }
    }

    private void Open(ModelFd fd)
    {
        NativeFile file = world.Guest.Natives.Adopt(world.ProcessOf(fd.Pid), fd.Fd).Value;
        _files.Add(fd.Inode, new FileStream(world.Guest.Natives.OpenMemory(file).Value, FileAccess.ReadWrite, 1));

        // The model knows of no reference of the host's.
        world.Guest.Natives.Closed(file);
    }

    private void StoreTo(ulong inode)
    {
        FileStream file = _files[inode];
        // Whole markers at whole places: one across two chunks is in no view in one piece.
        int length = _dice.Next(1, MostMarkers) * Markers.Length;
        int offset = _dice.Next(((int)file.Length - length) / Markers.Length) * Markers.Length;
        byte[] secret = world.Markers.Secret(length);
        bool live = world.Model.Buffers.ContainsKey(inode);
        if (live)
        {
            byte[] before = new byte[length];
            RandomAccess.Read(file.SafeFileHandle, before, offset);
            Violation.Unless(
                before.AsSpan().SequenceEqual(world.Shadow.Cpu(inode).AsSpan(offset, length)),
                $"a native process sees something else in buffer {inode} at {offset} than the guest");
            secret.CopyTo(world.Shadow.Cpu(inode), offset);
        }

        RandomAccess.Write(file.SafeFileHandle, secret, offset);
        Stores = live ? (Stores.Live + 1, Stores.Gone) : (Stores.Live, Stores.Gone + 1);
    }
}
