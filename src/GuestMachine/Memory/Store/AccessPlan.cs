using System.Diagnostics;
using CocoGuest.Machine.Memory.Encryption;
using CocoGuest.Machine.Memory.Frames;

namespace CocoGuest.Machine.Memory.Store;

/// <summary>
/// One access to guest memory, resolved under the guest's lock and carried out outside it: where the bytes are and what lies between them
/// and the accessor (nothing, the engine, constants). Pins keep the host mappings until the plan is disposed.
/// </summary>
internal sealed unsafe class AccessPlan : IDisposable
{
    private readonly List<Segment> _segments = [];
    private readonly List<MemoryPin> _pins = [];
    private List<(PoisonMap Poison, ulong Address, ulong Length)>? _poisoned;

    /// <summary>Bytes of it that lie in host-visible buffers.</summary>
    public ulong SharedBytes { get; set; }

    /// <summary>True when a write will change frames whose bytes are in the store and that some day are given to somebody else.</summary>
    public bool WritesPrivateFrames { get; set; }

    /// <summary>Frames that it touches, in order.</summary>
    public IEnumerable<ulong> Frames => _segments.SelectMany(s => s.Frames);

    /// <summary>Adds a run of bytes that are contiguous in the host.</summary>
    public void Add(Transform transform, byte* pointer, ulong address, ulong length, XexEngine engine) =>
        _segments.Add(new Segment(transform, pointer, address, (int)length, engine));

    /// <summary>Tells the map of broken lines when these bytes are written.</summary>
    public void WillWrite(PoisonMap poison, ulong address, ulong length) => (_poisoned ??= []).Add((poison, address, length));

    /// <summary>Keeps a pin until the plan is disposed.</summary>
    public void Keep(MemoryPin pin) => _pins.Add(pin);

    /// <summary>Fills the target from the planned places, in order.</summary>
    public void Read(Span<byte> target)
    {
        foreach (Segment segment in _segments)
        {
            segment.Read(target[..segment.Length]);
            target = target[segment.Length..];
        }
    }

    /// <summary>Writes the source to the planned places, in order.</summary>
    public void Write(ReadOnlySpan<byte> source)
    {
        foreach (Segment segment in _segments)
        {
            segment.Write(source[..segment.Length]);
            source = source[segment.Length..];
        }

        foreach ((PoisonMap poison, ulong address, ulong length) in _poisoned ?? [])
        {
            poison.Written(address, length);
        }
    }

    public void Dispose()
    {
        foreach (MemoryPin pin in _pins)
        {
            pin.Dispose();
        }

        _pins.Clear();
        _segments.Clear();
    }

    private readonly struct Segment(Transform transform, byte* pointer, ulong address, int length, XexEngine engine)
    {
        private const int Block = 16;

        public int Length => length;

        public IEnumerable<ulong> Frames
        {
            get
            {
                ulong last = Page.FrameOf(address + (ulong)length - 1);
                for (ulong frame = Page.FrameOf(address); frame <= last; frame++)
                {
                    yield return frame;
                }
            }
        }

        // SAFETY (both methods): the planner computed pointer and length inside one pinned host mapping.
        public void Read(Span<byte> target)
        {
            switch (transform)
            {
                case Transform.None:
                    new ReadOnlySpan<byte>(pointer, length).CopyTo(target);
                    break;
                case Transform.Zeros:
                    target.Clear();
                    break;
                case Transform.Ones:
                    target.Fill(byte.MaxValue);
                    break;
                default:
                    byte[] blocks = Blocks(out int skip);
                    Convert(blocks, forward: true);
                    blocks.AsSpan(skip, length).CopyTo(target);
                    break;
            }
        }

        public void Write(ReadOnlySpan<byte> source)
        {
            switch (transform)
            {
                case Transform.None:
                    source.CopyTo(new Span<byte>(pointer, length));
                    break;
                case Transform.Encrypt or Transform.Decrypt:
                    // The accessor's bytes replace a part of whole cipher blocks: to its side, overlay, and back.
                    byte[] blocks = Blocks(out int skip);
                    Convert(blocks, forward: true);
                    source.CopyTo(blocks.AsSpan(skip));
                    Convert(blocks, forward: false);
                    blocks.CopyTo(new Span<byte>(pointer - skip, blocks.Length));
                    break;
                default:
                    throw new UnreachableException("A view of constants is never writable.");
            }
        }

        private byte[] Blocks(out int skip)
        {
            skip = (int)(address % Block);
            int whole = (skip + length + Block - 1) / Block * Block;
            return new ReadOnlySpan<byte>(pointer - skip, whole).ToArray();
        }

        private void Convert(Span<byte> blocks, bool forward)
        {
            ulong start = address - (address % Block);
            if (transform == Transform.Encrypt == forward)
            {
                engine.Encrypt(blocks, blocks, start);
            }
            else
            {
                engine.Decrypt(blocks, blocks, start);
            }
        }
    }
}
