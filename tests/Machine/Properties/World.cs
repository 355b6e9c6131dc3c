using System.Globalization;
using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Devices;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.Memory.Store;
using CocoGuest.Machine.Profiles;
using CocoGuest.Tests.Machine.Guests;
using CocoGuest.Tests.Machine.Properties.Model;

namespace CocoGuest.Tests.Machine.Properties;

/// <summary>
/// Carries random steps out on a guest and on the models beside it, and compares every answer: which calls succeed, and every byte that a
/// load, a device or the host reads. Each step gives a line of text that says all that the guest answered.
/// </summary>
internal sealed partial class World : IDisposable
{
    private const int MostProcesses = 5;
    private const int MostDevices = 6;
    private const int MostFiles = 24;
    private const string None = "nothing to pick";

    // Small pool, so that a check can afford to read all of it: 4096 slots, 8 MiB.
    private const string Pool = "4096";
    private readonly Dictionary<uint, GuestProcess> _processes = [];
    private readonly Dictionary<ulong, VisibleBacking> _backings = [];
    private int _names;

    public World(
        Platform platform = Platform.SevSnp, KernelVersion kernel = KernelVersion.V72, ulong seed = 42,
        Func<GuestShape, GuestShape>? shape = null)
    {
        Test = new TestGuest(platform, kernel, s =>
        {
            GuestShape small = s with { MemoryBytes = 128UL << 20, Cpus = 2, Swiotlb = Pool, Seed = seed };
            return shape is null ? small : shape(small);
        });
        Kernel = kernel;
        Platform = platform;
        Shadow = new Shadow(platform, Test.Guest.Memory.Engine);
        Model = GuestModel.Booted(Test.Init.Pid, DeviceSpec.BuiltInName);
        Booted = Test.Snapshot();
        _processes.Add(Test.Init.Pid, Test.Init);
    }

    public TestGuest Test { get; }

    public Guest Guest => Test.Guest;

    public Platform Platform { get; }

    /// <summary>The host and devices see ciphertext of private memory, and may write it (S-PLAT-10).</summary>
    public bool InPlace => Platform is Platform.Sev or Platform.SevEs;

    /// <summary>The host cannot read private memory at all (S-PLAT-13).</summary>
    public bool HostFaults => Platform is Platform.CcaRealm or Platform.Pkvm;

    public KernelVersion Kernel { get; }

    public GuestModel Model { get; private set; }

    public Shadow Shadow { get; }

    public Markers Markers { get; } = new(1);

    /// <summary>As it was before the first step.</summary>
    public GuestSnapshot Booted { get; }

    /// <summary>Files that a client got, and the buffers they were of.</summary>
    public List<(ulong Inode, FileStream File)> Files { get; } = [];

    /// <summary>Every chunk that any buffer ever had.</summary>
    public HashSet<Chunk> EverAllocated { get; } = [];

    /// <summary>Sentences of all failures.</summary>
    public List<string> Sentences { get; } = [];

    /// <summary>Runs all steps; the lines are what the guest answered.</summary>
    public List<string> Run(IEnumerable<Op> ops, Action<World>? after = null)
    {
        var lines = new List<string>();
        foreach (Op op in ops)
        {
            lines.Add(Step(op));
            after?.Invoke(this);
        }

        return lines;
    }

    /// <summary>Carries one step out.</summary>
    public string Step(Op op)
    {
        string answer = Do(op.Kind, new Random(op.Bits));
        if (answer == None && Needs(op.Kind) is { } needed)
        {
            return Step(op with { Kind = needed });
        }

        return $"{op.Kind} {answer}";
    }

    /// <summary>What has to come before a step that found nothing to work on, so that runs are not full of empty steps.</summary>
    private static OpKind? Needs(OpKind kind) => kind switch
    {
        OpKind.Store or OpKind.Load or OpKind.Munmap or OpKind.OpenFd => OpKind.Mmap,
        OpKind.Mmap or OpKind.Attach or OpKind.Export or OpKind.Sync or OpKind.Release => OpKind.Allocate,
        OpKind.WildRead or OpKind.WildWrite or OpKind.HostRead => OpKind.Allocate,
        OpKind.Map or OpKind.Unmap or OpKind.Detach => OpKind.Attach,
        OpKind.DmaRead or OpKind.DmaWrite => OpKind.Map,
        OpKind.Import => OpKind.Export,
        _ => null,
    };

    private string Do(OpKind kind, Random dice) =>
        kind switch
        {
            OpKind.Allocate => Allocate(dice),
            OpKind.Release => Release(dice),
            OpKind.Mmap => Mmap(dice),
            OpKind.Munmap => Munmap(dice),
            OpKind.Store => Store(dice),
            OpKind.Load => Load(dice),
            OpKind.Attach => Attach(dice),
            OpKind.Map => Map(dice),
            OpKind.Unmap => Unmap(dice),
            OpKind.Detach => Detach(dice),
            OpKind.Sync => Sync(dice),
            OpKind.DmaWrite => DmaMapped(dice, write: true),
            OpKind.DmaRead => DmaMapped(dice, write: false),
            OpKind.WildWrite => DmaWild(dice, write: true),
            OpKind.WildRead => DmaWild(dice, write: false),
            OpKind.HostRead => HostRead(dice),
            OpKind.OpenFd => OpenFd(dice),
            OpKind.Export => Export(dice),
            OpKind.Import => Import(dice),
            OpKind.Advance => Advance(TimeSpan.FromSeconds(dice.Next(1, 90))),
            OpKind.Open => Open(),
            OpKind.End => End(dice),
            OpKind.Register => Register(dice),
            _ => Unregister(dice),
        };

    /// <summary>Every process lets go of all it has, and every token expires.</summary>
    public void Finish()
    {
        foreach (uint pid in Model.Processes.Where(p => p != Test.Init.Pid))
        {
            EndProcess(pid);
        }

        foreach (ModelAttachment attachment in Model.Attachments.Reverse())
        {
            if (attachment.Mapped)
            {
                UnmapOne(attachment);
            }
        }

        foreach (ModelAttachment attachment in Model.Attachments)
        {
            DetachOne(attachment);
        }

        Model.Devices.Where(d => d.Name != DeviceSpec.BuiltInName).ToList().ForEach(d => UnregisterOne(d));
        Model.Vmas.ForEach(v => MunmapOne(v));
        Model.Fds.ForEach(f => ReleaseOne(f));
        Advance(GuestLimits.LongestTokenLife);
    }

    public void Dispose()
    {
        Files.ForEach(f => f.File.Dispose());
        Test.Dispose();
    }

    private static T? Pick<T>(Random dice, IReadOnlyList<T> list)
        where T : class =>
        list.Count == 0 ? null : list[dice.Next(list.Count)];

    public GuestProcess ProcessOf(uint pid) => _processes[pid];

    private uint AnyProcess(Random dice) => Model.Processes[dice.Next(Model.Processes.Count)];

    private string Failed(Failure failure)
    {
        Sentences.Add(failure.Sentence);
        return failure.Errno.ToString();
    }

    /// <summary>A call that has to succeed.</summary>
    private static void Must(Failure? failure) => Violation.Unless(failure is null, $"{failure?.Operation} failed: {failure?.Sentence}");

    /// <summary>A call that has to fail with this errno.</summary>
    private string MustFail(Failure? failure, Errno errno)
    {
        Violation.Unless(failure?.Errno == errno, $"expected {errno}, got {failure?.Errno} ({failure?.Operation}: {failure?.Sentence})");
        return Failed(failure!);
    }

    private static string Hex(ReadOnlySpan<byte> bytes) =>
        bytes.Length <= 32 ? Convert.ToHexString(bytes) : Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(bytes));

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static void SameBytes(ReadOnlySpan<byte> expected, ReadOnlySpan<byte> actual, FormattableString what)
    {
        int at = expected.CommonPrefixLength(actual);
        if (at < expected.Length)
        {
            throw new Violation($"{Text(what)}: byte {at} is {actual[at]:x2}, not {expected[at]:x2}");
        }
    }
}
