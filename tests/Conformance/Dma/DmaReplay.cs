using System.Text.Json;
using CocoGuest.Machine;
using CocoGuest.Machine.Dma;
using CocoGuest.Machine.Tracing;

namespace CocoGuest.Tests.Conformance.Dma;

/// <summary>Runs the steps of a recording on the machine's DMA layer and notes each answer that differs.</summary>
internal sealed partial class DmaReplay
{
    private const ulong PoolStart = 0x10000000;
    private const ulong Low = 0x8000000;
    private const ulong High = 0x1_2000_0000;
    private const int BlockBytes = 0x200000;
    private const byte OriginalFill = 0xa1;
    private const byte PoolFill = 0xee;

    private readonly DmaBoot _boot;
    private readonly FlatMemory _memory = new();
    private readonly DmaMapper _mapper;
    private readonly SwiotlbPool? _pool;
    private readonly uint _hintOffset;
    private DmaDevice _device;
    private ulong _phys;
    private ulong _size;
    private ulong _dma;
    private DmaDirection _direction;
    private DmaAttributes _attributes;
    private JsonElement _step;
    private string? _lostCase;

    /// <summary>A machine that starts as the boot did.</summary>
    /// <param name="boot">The boot.</param>
    /// <param name="hintOffset">Added to each area hint: a planted difference for the test of this replay itself.</param>
    public DmaReplay(DmaBoot boot, uint hintOffset = 0)
    {
        _boot = boot;
        _hintOffset = hintOffset;
        // In a large guest 1 GiB of the memory lies behind the PCI hole.
        ulong memory = boot.GiB == 0 ? 512UL << 20 : (ulong)boot.GiB << 30;
        ulong end = boot.GiB == 0 ? memory : memory + (1UL << 30);
        var environment = new DmaEnvironment(boot.Platform, boot.Kernel, end - 1);
        SwiotlbPlan plan = SwiotlbSizing.Compute(
            environment, memory, boot.Cpus, SwiotlbOptions.Parse(boot.Swiotlb, boot.Kernel).Value);
        var log = new KernelLog(TimeProvider.System);
        _pool = SwiotlbBoot.MakeDefault(plan, environment, PoolStart, boot.Conversion, _memory, log);
        _mapper = new DmaMapper(environment, _pool, log);
        _device = NewDevice(64, 0);
        _memory.Add(PoolStart, (int)plan.Bytes);
        for (ulong block = 0; block < 8; block++)
        {
            _memory.Add(Low + (block * BlockBytes), BlockBytes);
            _memory.Add(High + (block * BlockBytes), BlockBytes);
        }
    }

    public List<string> Differences { get; } = [];

    public int Compared { get; private set; }

    public void Run(IEnumerable<JsonElement> steps)
    {
        foreach (JsonElement step in steps)
        {
            _step = step;
            if (step.Text("case") == _lostCase)
            {
                continue;
            }

            JsonElement given = step.GetProperty("in");
            JsonElement answer = step.GetProperty("out");
            switch (step.Text("family"))
            {
                case "dma_page" or "dma_phys":
                    Single(step.Text("op"), given, answer);
                    break;
                case "dma_sg":
                    Sg(step.Text("op"), given, answer);
                    break;
                case "swiotlb_slots":
                    Slots(step.Text("op"), given, answer);
                    break;
                case "dma_query":
                    Query(step.Text("op"), given, answer);
                    break;
            }
        }
    }

    private long Used => _pool is { } pool ? pool.UsedSlots : -1;

    private DmaDevice NewDevice(int maskBits, ulong minAlign)
    {
        DmaDevice device = _mapper.AddDevice(new DmaDeviceOptions("oracle-dma.0")
        {
            DmaMask = ulong.MaxValue >> (64 - maskBits),
            CoherentDmaMask = ulong.MaxValue >> (64 - maskBits),
            MinAlignMask = minAlign,
            SegmentBoundaryMask = ulong.MaxValue,
        }).Value;
        device.Cpu = _boot.Cpu;
        return device;
    }

    private void SetHint(JsonElement given, string key)
    {
        if (_pool is { } pool && given.Has(key) && given.GetProperty(key).TryGetUInt32(out uint hint))
        {
            pool.SetAreaHint(0, hint + _hintOffset);
        }
    }

    /// <summary>A page of the case: filled, and the pool too when nobody uses it.</summary>
    private void Fill(ulong phys)
    {
        _memory.At(phys & ~0xfffUL, BlockBytes / 2).Fill(OriginalFill);
        if (_pool is { UsedSlots: 0 } pool)
        {
            _memory.At(pool.Start, pool.End - pool.Start).Fill(PoolFill);
        }
    }

    /// <summary>A call that the kernel cannot refuse.</summary>
    private void Done(Failure? failure)
    {
        if (failure is not null)
        {
            Differences.Add($"{_step.Text("case")} step {_step.Number("step")} {_step.Text("op")}: {failure.Sentence}");
        }
    }

    private void Same(JsonElement answer, string key, object? value)
    {
        bool unstable = _step.TryGetProperty("unstable", out JsonElement names)
            && names.EnumerateArray().Any(name => name.GetString() == key || name.GetString() == "*");
        if (!answer.TryGetProperty(key, out JsonElement recorded) || unstable)
        {
            return;
        }

        Compared++;
        string expected = recorded.GetRawText();
        string actual = value switch
        {
            null => "null",
            bool flag => flag ? "true" : "false",
            string text => text,
            _ => Convert.ToString(value, null)!,
        };
        if (expected != actual)
        {
            string place = $"{_step.Text("case")} step {_step.Number("step")} {_step.Text("op")}";
            Differences.Add($"{place} {key}: recorded {expected}, here {actual}");
            if (key is "error" or "rc" or "bounced")
            {
                _lostCase = _step.Text("case"); // what follows would act on a mapping that is not there
            }
        }
    }

    private void SamePlace(JsonElement answer, ulong dma, ulong phys)
    {
        bool bounced = _pool is { } pool && pool.Contains(dma);
        Same(answer, "bounced", bounced);
        Same(answer, "addr_equals_phys", dma == phys);
        if (bounced)
        {
            ulong offset = dma - PoolStart;
            Same(answer, "slot_offset", offset);
            Same(answer, "slot", offset >> SwiotlbPool.SlotShift);
            Same(answer, "byte_in_slot", offset & (SwiotlbPool.SlotBytes - 1));
        }
    }

    private static DmaDirection DirectionOf(JsonElement given) => given.Text("dir") switch
    {
        "BIDIRECTIONAL" => DmaDirection.Bidirectional,
        "TO_DEVICE" => DmaDirection.ToDevice,
        _ => DmaDirection.FromDevice,
    };
}
