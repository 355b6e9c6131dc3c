using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Diagnostics;
using CocoGuest.Machine.Dma;
using CocoGuest.Machine.Dma.Mapping;
using CocoGuest.Machine.Dma.Swiotlb;
using CocoGuest.Machine.Memory.Frames;

namespace CocoGuest.Tests.Replay;

/// <summary>
/// The machine's DMA layer over plain memory, as the lab's DMA test driver had it: pages of its own, a pool, devices made per case.
/// </summary>
internal sealed class DmaWorld
{
    /// <summary>Where the pool lies.</summary>
    public const ulong PoolStart = 0x10000000;

    /// <summary>Where the driver's pages lie: below and above 4 GiB, one block each.</summary>
    public const ulong Low = 0x8000000;
    public const ulong High = 0x1_2000_0000;
    public const int BlockBytes = 0x200000;
    private const int Blocks = 8;
    private const byte OriginalFill = 0xa1;
    private const byte PoolFill = 0xee;
    private readonly List<string> _trace = [];

    public DmaWorld(BootSpec spec)
    {
        Spec = spec;

        // The PC's hole below 4 GiB moves 1 GiB of a large guest's memory up.
        ulong end = spec.MemoryBytes > 3UL << 30 ? spec.MemoryBytes + (1UL << 30) : spec.MemoryBytes;
        var environment = new DmaEnvironment(spec.DmaPlatform, spec.Kernel, end - 1);
        SwiotlbPlan plan = SwiotlbSizing.Compute(
            environment, spec.MemoryBytes, spec.Cpus, SwiotlbOptions.Parse(spec.Swiotlb, spec.Kernel).Value);
        var log = new KernelLog(TimeProvider.System);
        Pool = SwiotlbBoot.MakeDefault(plan, environment, PoolStart, spec.PoolConversion, Memory, log);
        var layout = new RamLayout(spec.MemoryBytes, 0, 0);
        Mapper = new DmaMapper(environment, Pool, log, new DmaTextTrace(spec.Kernel, Collect))
        {
            IsRam = address => layout.Contains(address, 1),
        };
        Memory.Add(PoolStart, (int)plan.Bytes);
        for (ulong block = 0; block < Blocks; block++)
        {
            Memory.Add(Low + (block * BlockBytes), BlockBytes);
            Memory.Add(High + (block * BlockBytes), BlockBytes);
        }
    }

    public BootSpec Spec { get; }

    public FlatMemory Memory { get; } = new();

    public DmaMapper Mapper { get; }

    public SwiotlbPool? Pool { get; }

    /// <summary>Slots in use, −1 without a pool.</summary>
    public long Used => Pool is { } pool ? pool.UsedSlots : -1;

    /// <summary>Whether trace lines are collected.</summary>
    public bool Tracing { get; set; }

    /// <summary>Trace lines since the last call.</summary>
    public IReadOnlyList<string> TakeTrace()
    {
        string[] lines = [.. _trace];
        _trace.Clear();
        return lines;
    }

    private void Collect(string name, string text)
    {
        if (Tracing)
        {
            _trace.Add($"{name}: {text}");
        }
    }

    /// <summary>A device of the test driver.</summary>
    public DmaDevice NewDevice(int maskBits, ulong minAlign, string name = "oracle-dma.0")
    {
        DmaDevice device = Mapper.AddDevice(new DmaDeviceOptions(name)
        {
            DmaMask = ulong.MaxValue >> (64 - maskBits),
            CoherentDmaMask = ulong.MaxValue >> (64 - maskBits),
            MinAlignMask = minAlign,
            SegmentBoundaryMask = ulong.MaxValue,
            MaxSegmentSize = uint.MaxValue,
        }).Value;
        device.Cpu = Spec.Cpu;
        return device;
    }

    /// <summary>Where the slot search of the pool's first area starts; written by the recorder as 2^32 − 1 without a pool.</summary>
    public void SetHint(ulong hint)
    {
        if (Pool is { } pool && hint < pool.Slots)
        {
            pool.SetAreaHint(0, (uint)hint);
        }
    }

    /// <summary>The driver fills a block of the case, and the pool too when nobody uses it.</summary>
    public void Fill(ulong phys)
    {
        Memory.Fill(phys, OriginalFill);
        if (Pool is { UsedSlots: 0 } pool)
        {
            Memory.Fill(pool.Start, PoolFill);
        }
    }

    /// <summary>Where a DMA address leads: the pool or the page itself.</summary>
    public void AnswerPlace(Answers answers, ulong dma, ulong phys)
    {
        bool bounced = Pool is { } pool && pool.Contains(dma);
        answers.Set("bounced", bounced);
        answers.Set("addr_equals_phys", dma == phys);
        if (bounced)
        {
            ulong offset = dma - PoolStart;
            answers.Set("slot_offset", offset);
            answers.Set("slot", offset >> SwiotlbPool.SlotShift);
            answers.Set("byte_in_slot", offset & (SwiotlbPool.SlotBytes - 1));
        }
    }

    public static DmaDirection DirectionOf(string word) => word switch
    {
        "BIDIRECTIONAL" => DmaDirection.Bidirectional,
        "TO_DEVICE" => DmaDirection.ToDevice,
        "FROM_DEVICE" => DmaDirection.FromDevice,
        _ => DmaDirection.FromDevice,
    };
}
