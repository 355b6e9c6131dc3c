using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Dma;
using CocoGuest.Machine.Dma.Swiotlb;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.PageState;
using CocoGuest.Machine.Profiles;
using CocoGuest.Tests.Machine.Guests;

namespace CocoGuest.Tests.Machine.Platforms;

/// <summary>The tables of platforms and kernels, and guests booted from every pair of them.</summary>
public sealed class PlatformProfileTests
{
    private const ulong MiB = 1UL << 20;

    public static TheoryData<Platform, KernelVersion> Pairs
    {
        get
        {
            var data = new TheoryData<Platform, KernelVersion>();
            foreach (PlatformProfile platform in PlatformProfile.All.Where(p => p.Served))
            {
                foreach (KernelProfile kernel in KernelProfile.All.Where(k => k.Served))
                {
                    data.Add(platform.Platform, kernel.Version);
                }
            }

            return data;
        }
    }

    [Fact]
    public void All_Rows_StandAtTheirNumberAndHaveOneName()
    {
        Assert.Equal(Enum.GetValues<Platform>(), PlatformProfile.All.Select(p => p.Platform));
        Assert.Equal(PlatformProfile.All.Count, PlatformProfile.All.Select(p => p.Name).Distinct().Count());
        Assert.All(PlatformProfile.All, p => Assert.Same(p, PlatformProfile.Find(p.Name)));
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    [Statement("S-UP-02", "S-UP-20", "S-UP-23", "S-CCA-07", "S-HEAP-46", "S-HEAP-48", "S-PLAT-03", "S-CCA-05")]
    public void Create_EveryPair_BootsOrIsRefusedByTheTable(Platform platform, KernelVersion kernel)
    {
        using var host = new GuestRegistry(new FakeTimeProvider(), new SeededSecrets(1));
        Result<Guest> guest = host.Create(new GuestShape { Platform = platform, Kernel = kernel, MemoryBytes = 128 * MiB * 4 });
        bool arm = platform is Platform.CcaRealm or Platform.Pkvm;
        if ((arm && kernel == KernelVersion.V612) || (platform == Platform.S390 && kernel == KernelVersion.SeedV1))
        {
            Assert.Equal((Errno.EOPNOTSUPP, "platform"), (guest.Failure!.Errno, guest.Failure.Field));
            return;
        }

        Assert.True(guest.Ok, guest.Ok ? "" : guest.Failure!.Sentence);
        bool sharedNode = KernelProfile.Of(kernel).SharedHeapName is not null && PlatformDmaTraits.Of(platform, kernel).MemEncrypt;
        Assert.Equal(sharedNode ? ["system", "system_cc_shared"] : ["system"], guest.Value.HeapNodes.Select(h => h.Name));
        Assert.Equal(PageCondition.Private, guest.Value.Pages.ConditionOf(0x1000));
        bool convertsPool = guest.Value.Dma.Environment.ConvertsPool
            && guest.Value.Dma.DefaultPool is not null
            && platform != Platform.None;
        Assert.Equal(convertsPool ? guest.Value.Memory.Layout.Pool.Count : 0, guest.Value.Snapshot().Memory.Shared / 4096);
        int fd = guest.Value.Heaps.Allocate(guest.Value.Processes.Init, guest.Value.HeapNodes[^1].Name, 65536, 2, 0).Value.Fd;
        Assert.Null(guest.Value.Buffers.Release(guest.Value.Processes.Init, fd));
        Assert.Equal(0UL, guest.Value.Snapshot().Memory.Leaked);
    }

    [Theory]
    [InlineData(Platform.CcaRealm, KernelVersion.V72, 512UL, 64UL, SwiotlbForce.Platform)]
    [InlineData(Platform.CcaRealm, KernelVersion.V73, 512UL, 1UL, SwiotlbForce.None)]
    [InlineData(Platform.Pkvm, KernelVersion.V72, 512UL, 0UL, SwiotlbForce.None)]
    [InlineData(Platform.Pkvm, KernelVersion.V72, 5120UL, 64UL, SwiotlbForce.None)]
    [InlineData(Platform.Pkvm, KernelVersion.V73, 512UL, 1UL, SwiotlbForce.None)]
    [InlineData(Platform.Pkvm, KernelVersion.V73, 5120UL, 64UL, SwiotlbForce.None)]
    [InlineData(Platform.S390, KernelVersion.V612, 512UL, 64UL, SwiotlbForce.Platform)]
    [InlineData(Platform.S390, KernelVersion.V73, 512UL, 64UL, SwiotlbForce.None)]
    [InlineData(Platform.PowerSvm, KernelVersion.V72, 512UL, 64UL, SwiotlbForce.Platform)]
    [InlineData(Platform.SmeHost, KernelVersion.V72, 512UL, 64UL, SwiotlbForce.None)]
    [InlineData(Platform.SevEs, KernelVersion.V72, 2048UL, 128UL, SwiotlbForce.Platform)]
    [Statement("S-SWI-04", "S-SWI-05", "S-SWI-86", "S-UP-23", "S-PPC-02")]
    public void Pool_ByPlatformAndKernel_HasTheSizeAndForceOfItsArchitecture(
        Platform platform, KernelVersion kernel, ulong memoryMiB, ulong poolMiB, SwiotlbForce force)
    {
        ulong memory = memoryMiB * MiB;
        var environment = new DmaEnvironment(platform, kernel, memory <= 3072 * MiB ? memory - 1 : memory + (1024 * MiB) - 1);

        SwiotlbPlan plan = SwiotlbSizing.Compute(environment, memory, 1, SwiotlbOptions.Parse("", kernel).Value);

        Assert.Equal((poolMiB, force), (plan.Bytes / MiB, plan.Force));
    }

    [Theory]
    [InlineData(Platform.CcaRealm, 40u, 512UL * MiB, true)]
    [InlineData(Platform.CcaRealm, 39u, 512UL * MiB, false)]
    [InlineData(Platform.CcaRealm, 36u, 64UL << 30, false)]
    [InlineData(Platform.Tdx, 40u, 512UL * MiB, false)]
    [InlineData(Platform.S390, 48u, 512UL * MiB, false)]
    [Statement("S-DMA-15", "S-DMA-16", "S-CCA-02")]
    public void Complete_AddressWidth_IsCheckedByPlatform(Platform platform, uint width, ulong memory, bool fits)
    {
        Result<GuestShape> shape = GuestShapeRules.Complete(
            new GuestShape { Platform = platform, GpaWidth = width, MemoryBytes = memory, Kernel = KernelVersion.V73 });

        Assert.Equal(fits, shape.Ok);
        Assert.True(fits || shape.Failure!.Field == "gpa_width");
    }

    [Theory]
    [InlineData(Platform.CcaRealm, 48u)]
    [InlineData(Platform.Tdx, 52u)]
    [InlineData(Platform.SevSnpVtom, 0u)]
    [Statement("S-DMA-15", "S-DMA-16")]
    public void Complete_NoWidth_FillsInTheDefault(Platform platform, uint width) =>
        Assert.Equal(width, GuestShapeRules.Complete(new GuestShape { Platform = platform }).Value.GpaWidth);

    [Fact]
    [Statement("S-DMA-84", "S-HEAP-44", "S-DMA-32")]
    public void Map_SharedBufferOnAnSmeHost_IsRefusedBefore73()
    {
        foreach (KernelVersion kernel in new[] { KernelVersion.V72, KernelVersion.V73 })
        {
            using var test = new TestGuest(Platform.SmeHost, kernel);
            (_, Result<DmaMapping> mapping) = test.AttachAndMap(test.Allocate(TestGuest.Shared, 4096));

            Assert.Equal(kernel == KernelVersion.V73 ? Errno.None : Errno.EIO, mapping.Failure.Errno());
        }
    }

    [Theory]
    [InlineData(Platform.CcaRealm, KernelVersion.V72)]
    [InlineData(Platform.CcaRealm, KernelVersion.V73)]
    [InlineData(Platform.Pkvm, KernelVersion.V73)]
    [InlineData(Platform.S390, KernelVersion.V72)]
    [InlineData(Platform.S390, KernelVersion.V73)]
    [InlineData(Platform.PowerSvm, KernelVersion.V72)]
    [Statement("S-DMA-33", "S-SWI-87", "S-UP-23", "S-DMA-12")]
    public void Map_PrivateBufferElsewhere_BouncesToASharedSlot(Platform platform, KernelVersion kernel)
    {
        using var test = new TestGuest(platform, kernel);
        int fd = test.Allocate(TestGuest.Private, 4096);
        test.Store(test.Map(fd), "bounced"u8);

        (_, Result<DmaMapping> mapping) = test.AttachAndMap(fd);

        ulong address = mapping.Value.AddressOf(0);
        Assert.Equal("bounced"u8.ToArray(), test.DmaRead(address, 7));
        Assert.True(test.Guest.Dma.DefaultPool!.Contains(test.Guest.Dma.Environment.Encoding.Physical(address)));
        Assert.Equal(platform == Platform.CcaRealm, address >> 47 == 1);
    }
}
