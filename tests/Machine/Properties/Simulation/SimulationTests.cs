using CocoGuest.Machine;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.Profiles;
using CocoGuest.Tests.Machine.Guests;

namespace CocoGuest.Tests.Machine.Properties.Simulation;

/// <summary>The simulation finds nothing in the machine, finds what is planted, and repeats.</summary>
public sealed class SimulationTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Run_OfAnyPlatformAndKernel_KeepsAllInvariants(ulong seed)
    {
        SimulationResult result = new Simulator(new SimulationOptions { Operations = 400_000, Sample = 4000 }, seed).Run();

        Assert.Empty(result.Violations);
        Assert.Equal(400_000UL, result.Operations);
        Assert.True(result.Guests > 9, $"{result.Guests} guests");
    }

    [Fact]
    public void Run_WithTheSameSeedAndOperations_GivesTheSameDigest()
    {
        var options = new SimulationOptions { Operations = 60_000 };

        Assert.Equal(new Simulator(options, 5).Run().Digest, new Simulator(options, 5).Run().Digest);
        Assert.NotEqual(new Simulator(options, 5).Run().Digest, new Simulator(options, 6).Run().Digest);
    }

    [Fact]
    public void Planted_FrameThatNobodyHas_IsAViolation() =>
        Finds(guest => Assert.True(guest.Frames.TryAllocate(0, out _)), "belong to nobody");

    [Fact]
    public void Planted_SharedFreeFrame_IsAViolation() =>
        Finds(guest => Assert.Null(guest.Pages.ConvertToShared(new FrameRange(guest.Memory.Layout.Pool.First - 1, 1))), "but free");

    [Fact]
    public void Planted_ReferenceOfNobody_IsAViolation() =>
        Finds(
            guest =>
            {
                int fd = guest.Heaps.Allocate(guest.Processes.Init, TestGuest.Private, 4096, 2, 0).Value.Fd;
                guest.Processes.Init.Fds.Find(fd)!.References++;
            },
            "holders were found", "can be reached");

    [Fact]
    public void Planted_FreeFrameInUse_IsAViolation()
    {
        using var test = new TestGuest();
        int fd = test.Allocate(TestGuest.Private, 4096);
        test.Guest.Frames.Free(test.Stat(fd).Chunks[0].Frame, 0);

        Assert.Contains("is free and in use", Assert.Throws<Violation>(() => Audit.Check(test.Guest)).Message, StringComparison.Ordinal);

        // Taken again, or the guest could not be taken apart.
        Assert.True(test.Guest.Frames.TryAllocate(0, out _));
    }

    [Fact]
    public void Planted_SlotsOfNobody_AreAViolation()
    {
        using var test = new TestGuest();
        test.Register(test.Init);
        ulong attachment = test.Guest.Importers.Attach(test.Init, test.Allocate(TestGuest.Private, 4096), TestGuest.Nic).Value.Attachment;
        Assert.Null(test.Guest.Importers.Map(test.Init, attachment, CocoGuest.Machine.Abi.DmaDirection.Bidirectional, 0).Failure);
        Audit.Check(test.Guest);
        test.Init.Attachments[attachment].Live = false;

        Assert.Contains(
            "bytes live in the pool", Assert.Throws<Violation>(() => Audit.Check(test.Guest)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Planted_HostThatDisagrees_IsAViolation()
    {
        using var test = new TestGuest();
        int fd = test.Allocate(TestGuest.Shared, 4096);
        Audit.Check(test.Guest);
        Assert.Null(test.Guest.Pages.ChangeByHost(test.Stat(fd).Chunks[0].Range, CocoGuest.Machine.Memory.ConversionDirection.ToPrivate));

        Assert.Throws<Violation>(() => Audit.Check(test.Guest));
    }

    /// <summary>Was a fault: pieces of a size that the map from frames to buffers did not know lost their memory file.</summary>
    [Theory]
    [Statement("S-CMA-02")]
    [InlineData(8192)]
    [InlineData(12288)]
    [InlineData(135168)]
    public void CmaBuffer_OfAnySize_IsBackedByItsFile(int size)
    {
        using var test = new TestGuest(Platform.None, shape: s => s with { Cma = "4M" });
        int fd = test.Allocate("default_cma_region", (ulong)size);
        ulong address = test.Map(fd);
        test.Store(address + 4096, "here"u8);

        Audit.Check(test.Guest);
        Assert.Equal("here"u8, test.DmaRead(test.AttachAndMap(fd).Mapping.Value.AddressOf(0) + 4096, 4));
    }

    [Theory]
    [InlineData("--seed", "x")]
    [InlineData("--platform", "riscv")]
    [InlineData("--seconds", "0")]
    [InlineData("--fast", "1")]
    public void Parse_OfWrongArguments_SaysWhichOne(string name, string value) =>
        Assert.Contains(name, SimulationOptions.Parse([name, value]).Wrong, StringComparison.Ordinal);

    private static void Finds(Action<Guest> bug, params string[] words)
    {
        var options = new SimulationOptions { Operations = 3000, Sample = 500, Platform = Platform.SevSnp, Kernel = KernelVersion.V72 };
        foreach (ulong seed in (ulong[])[1, 2, 3])
        {
            Assert.Empty(new Simulator(options, seed).Run().Violations);
            string found = Assert.Single(new Simulator(options, seed) { Booted = bug }.Run().Violations);
            if (!found.Contains(" with faults", StringComparison.Ordinal))
            {
                Assert.True(Array.Exists(words, w => found.Contains(w, StringComparison.Ordinal)), found);
                return;
            }
        }

        Assert.Fail("No run without faults.");
    }
}
