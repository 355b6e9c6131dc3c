using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.Profiles;
using CocoGuest.Tests.Machine.Properties.Model;

namespace CocoGuest.Tests.Machine.Properties;

/// <summary>Nothing is lost and nothing lives too long; and the guest reads what the guest wrote, with bounce memory in between.</summary>
public sealed class ConservationTests
{
    private const int Steps = 100;

    [Theory]
    [Statement("S-BUF-90", "S-BUF-92", "S-SYS-26", "S-SWI-25", "S-BUF-65", "S-SYS-62")]
    [InlineData(Platform.Sev, KernelVersion.V72)]
    [InlineData(Platform.SevSnp, KernelVersion.V72)]
    [InlineData(Platform.Tdx, KernelVersion.V72)]
    [InlineData(Platform.SevSnp, KernelVersion.SeedV1)]
    [InlineData(Platform.SevEs, KernelVersion.V72)]
    [InlineData(Platform.SevSnpVtom, KernelVersion.V72)]
    [InlineData(Platform.CcaRealm, KernelVersion.V72)]
    [InlineData(Platform.Pkvm, KernelVersion.V73)]
    [InlineData(Platform.S390, KernelVersion.V73)]
    [InlineData(Platform.PowerSvm, KernelVersion.V72)]
    public void AnyRun_AfterEveryStep_TheGuestHoldsWhatTheModelHolds(Platform platform, KernelVersion kernel) =>
        Ops.Check(6, Steps, run =>
        {
            using var world = new World(platform, kernel);
            CheckRun(world, run);
        });

    [Fact]
    [Statement("S-UNV-55", "S-SYS-03")]
    public void AnyRun_WithFragmentedMemory_TheGuestHoldsWhatTheModelHolds() =>
        Ops.Check(4, Steps, run =>
        {
            using var world = new World(shape: s => s with { Fragmentation = new FragmentationPolicy(3, 9) });
            CheckRun(world, run);
        });

    [Fact]
    public void PlantedReference_ThatNobodyDrops_IsCaught()
    {
        using var world = new World();
        world.Run(Ops.Of(1, 40), Census.Check);
        world.Prime();
        ModelFd fd = world.Model.Fds[^1];
        world.ProcessOf(fd.Pid).Fds.Find(fd.Fd)!.References++;

        Assert.Throws<Violation>(() => Census.Check(world));
        Assert.Throws<Violation>(() => FinishAndCheck(world));
    }

    [Fact]
    public void PlantedConversion_OfAFreeFrame_IsCaught()
    {
        using var world = new World();
        world.Run(Ops.Of(1, 40), Census.Check);
        Assert.Null(world.Guest.Pages.ConvertToShared(new FrameRange(world.Guest.Memory.Layout.Pool.First - 1, 1)));

        Assert.Throws<Violation>(() => Census.Check(world));
    }

    [Fact]
    public void PlantedByte_BehindTheModelsBack_IsCaught()
    {
        using var world = new World();
        world.Run(Ops.Of(1, 40), Census.Check);
        world.Prime();
        ModelVma vma = world.Model.Vmas[^1];
        byte other = (byte)~world.Shadow.Cpu(vma.Inode)[(int)vma.Offset];
        Assert.Null(world.Guest.Mappings.Store(world.ProcessOf(vma.Pid), vma.Address, [other]));

        Assert.Throws<Violation>(world.LoadAll);
    }

    private static void CheckRun(World world, Op[] run)
    {
        world.Run(run, Census.Check);
        world.LoadAll();
        FinishAndCheck(world);
    }

    private static void FinishAndCheck(World world)
    {
        world.Finish();
        Census.CheckEmpty(world);
    }
}
