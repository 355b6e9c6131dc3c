using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.Memory.Store;
using CocoGuest.Machine.PageState.Views;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Tests.Machine.Properties;

/// <summary>No untrusted view ever shows what a guest wrote to private memory, but for what Linux itself bounces.</summary>
public sealed class SecrecyTests
{
    private const int Steps = 90;
    private const int Every = 30;

    [Theory]
    [Statement("S-PLAT-10", "S-PLAT-11", "S-PLAT-12", "S-SWI-35")]
    [InlineData(Platform.Sev, KernelVersion.V72)]
    [InlineData(Platform.SevSnp, KernelVersion.V72)]
    [InlineData(Platform.Tdx, KernelVersion.V72)]
    [InlineData(Platform.Sev, KernelVersion.SeedV1)]
    [InlineData(Platform.SevSnp, KernelVersion.SeedV1)]
    [InlineData(Platform.Tdx, KernelVersion.SeedV1)]
    [InlineData(Platform.SevEs, KernelVersion.V72)]
    [InlineData(Platform.SevSnpVtom, KernelVersion.V72)]
    [InlineData(Platform.CcaRealm, KernelVersion.V72)]
    [InlineData(Platform.Pkvm, KernelVersion.V73)]
    [InlineData(Platform.S390, KernelVersion.V73)]
    [InlineData(Platform.PowerSvm, KernelVersion.V72)]
    public void AnyRun_EveryUntrustedView_ShowsNoSecret(Platform platform, KernelVersion kernel) =>
        Ops.Check(4, Steps, run =>
        {
            using var world = new World(platform, kernel);
            CheckRun(world, run, new Secrecy(world));
        });

    [Fact]
    [Statement("S-SWI-35")]
    public void BouncedSecrets_InTheSameRuns_AreFoundInThePool()
    {
        int found = 0;
        for (int seed = 1; seed <= 3; seed++)
        {
            using var world = new World();
            var secrecy = new Secrecy(world);
            CheckRun(world, Ops.Of(seed, Steps), secrecy);
            found += secrecy.FoundInPool;
        }

        Assert.NotEqual(0, found);
    }

    /// <summary>A run that once failed: a bounced secret goes on in its buffer's next chunk, and zeros follow it in the pool.</summary>
    [Fact]
    [Statement("S-SWI-35")]
    public void BouncedSecret_OverTheEndOfItsChunk_IsKnownByItsFirstHalf()
    {
        using var world = new World(Platform.Tdx, KernelVersion.SeedV1);
        var secrecy = new Secrecy(world);

        CheckRun(
            world,
            [
                new(OpKind.Unmap, 12514776), new(OpKind.Unmap, 8983456), new(OpKind.Store, 13835802), new(OpKind.DmaWrite, 3259883),
                new(OpKind.Map, 9192355),
            ],
            secrecy);

        Assert.NotEqual(0, secrecy.FoundInPool);
    }

    [Theory]
    [Statement("S-PLAT-10", "S-PLAT-11", "S-PLAT-12", "S-SWI-35")]
    [InlineData(Platform.Sev, KernelVersion.V72)]
    [InlineData(Platform.SevEs, KernelVersion.V72)]
    [InlineData(Platform.SevSnp, KernelVersion.V72)]
    [InlineData(Platform.SevSnp, KernelVersion.SeedV1)]
    [InlineData(Platform.Tdx, KernelVersion.V72)]
    [InlineData(Platform.CcaRealm, KernelVersion.V72)]
    [InlineData(Platform.S390, KernelVersion.V73)]
    public void NativeProcess_ThatStoresSecretsThroughItsMappings_ShowsThemToNobody(Platform platform, KernelVersion kernel) =>
        Ops.Check(4, Steps, run =>
        {
            using var world = new World(platform, kernel);
            using var stores = new NativeStores(world, 7);
            CheckRun(world, run, new Secrecy(world), also: stores.Step);
        });

    [Fact]
    public void NativeProcess_InSuchRuns_StoresToBuffersThatLiveAndThatAreGone()
    {
        using var world = new World();
        using var stores = new NativeStores(world, 1);

        CheckRun(world, Ops.Of(1, Steps), new Secrecy(world), also: stores.Step);
        stores.Step();

        Assert.True(stores.Stores is { Live: > 0, Gone: > 0 }, $"{stores.Stores}");
    }

    [Theory]
    [InlineData(Platform.Sev)]
    [InlineData(Platform.SevSnp)]
    [InlineData(Platform.Tdx)]
    [InlineData(Platform.S390)]
    public void PlantedFile_MemoryOfNativeProcessesInAClientsHands_IsCaught(Platform platform)
    {
        using var world = new World(platform, platform == Platform.S390 ? KernelVersion.V73 : KernelVersion.V72);
        using var stores = new NativeStores(world, 1);
        var secrecy = new Secrecy(world);
        CheckRun(world, Ops.Of(1, Steps), secrecy, finish: false, also: stores.Step);

        stores.GiveToClients();

        Assert.Throws<Violation>(secrecy.Check);
    }

    [Theory]
    [InlineData(Platform.Sev)]
    [InlineData(Platform.SevSnp)]
    [InlineData(Platform.Tdx)]
    public void PlantedHostView_ThatReadsAsTheGuestDoes_IsCaught(Platform platform)
    {
        using var world = new World(platform);
        Failure? ReadAsGuest(ulong address, Span<byte> target)
        {
            Failure? failure = null;
            while (failure is null && target.Length > 0)
            {
                int part = (int)Math.Min(Page.Size - (address & Page.OffsetMask), (ulong)target.Length);
                using var plan = new AccessPlan();
                if (world.Guest.Access.Plan(plan, ViewAccessor.GuestPrivateMapping, address, (ulong)part, false, "planted") is null)
                {
                    plan.Read(target[..part]);
                }
                else
                {
                    failure = world.Guest.HostView.Read(address, target[..part]);
                }

                address += (ulong)part;
                target = target[part..];
            }

            return failure;
        }

        var secrecy = new Secrecy(world, ReadAsGuest);

        Assert.Throws<Violation>(() => CheckRun(world, Ops.Of(1, Steps), secrecy));
    }

    [Theory]
    [InlineData(Platform.Sev)]
    [InlineData(Platform.SevSnp)]
    [InlineData(Platform.Tdx)]
    public void PlantedCopy_FromPrivateToSharedMemory_IsCaught(Platform platform)
    {
        using var world = new World(platform);
        var secrecy = new Secrecy(world);
        CheckRun(world, Ops.Of(2, Steps), secrecy, finish: false);
        int shared = world.Test.TryAllocate(world.Kernel == KernelVersion.V72 ? "system_cc_shared" : "system", 4096).Value.Fd;
        world.EverAllocated.UnionWith(world.Test.Stat(shared).Chunks);
        secrecy.Check();
        world.Test.Store(world.Test.Map(shared) + 7, world.Markers.Secret(Markers.Length));

        Assert.Throws<Violation>(secrecy.Check);
    }

    [Fact]
    public void PlantedBounce_ThatTheModelDoesNotKnow_IsCaught()
    {
        using var world = new World();
        int fd = world.Test.Allocate("system", 4096);
        world.Test.Store(world.Test.Map(fd), world.Markers.Secret(64));
        world.Test.AttachAndMap(fd);

        Assert.Throws<Violation>(new Secrecy(world).Check);
    }

    private static void CheckRun(World world, Op[] run, Secrecy secrecy, bool finish = true, Action? also = null)
    {
        int step = 0;
        world.Prime();
        world.Run(run, _ =>
        {
            also?.Invoke();
            if (++step % Every == 0)
            {
                secrecy.Check();
            }
        });
        secrecy.Check();
        if (finish)
        {
            world.Finish();
            secrecy.Check();
        }
    }
}
