using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Mappings;
using CocoGuest.Machine.Profiles;
using CocoGuest.Tests.Machine.Guests;

namespace CocoGuest.Tests.Machine.Properties;

/// <summary>Several threads on one guest: no exception, nothing torn, nothing lost. Bounded by numbers of operations.</summary>
public sealed class ConcurrencyTests
{
    private const int Threads = 4;
    private const int Rounds = 60;

    [Theory]
    [InlineData(Platform.Sev)]
    [InlineData(Platform.SevSnp)]
    [InlineData(Platform.Tdx)]
    [InlineData(Platform.CcaRealm)]
    [InlineData(Platform.PowerSvm)]
    public void Threads_WithAProcessEach_KeepTheirBytesAndLeaveNothing(Platform platform)
    {
        using var test = new TestGuest(platform);
        GuestSnapshot before = test.Snapshot();
        GuestProcess[] processes = [.. Enumerable.Range(0, Threads).Select(i => test.Open($"p{i}"))];

        InParallel(Threads, i => Work(test.Guest, processes[i], i));

        foreach (GuestProcess process in processes)
        {
            Assert.Null(test.Guest.Processes.End(process));
        }

        GuestSnapshot after = test.Snapshot();
        Assert.Equal((before.Memory, before.Objects, 0u), (after.Memory, after.Objects, after.Dma.DefaultPool!.UsedSlots));
    }

    [Theory]
    [InlineData(Platform.Sev)]
    [InlineData(Platform.SevSnp)]
    public void Release_WhileADeviceWrites_LeavesZerosInOldFiles(Platform platform)
    {
        const int Size = 1 << 20;
        using var test = new TestGuest(platform);
        var files = new List<FileStream>();
        ulong address = test.Stat(test.Allocate(TestGuest.Shared, Size)).Chunks[0].Address + Size;
        byte[] data = [.. Enumerable.Repeat((byte)0xaa, Size)];

        InParallel(2, i =>
        {
            for (int round = 0; round < (i == 1 ? 10 * Rounds : Rounds); round++)
            {
                if (i == 1)
                {
                    // Nobody holds the buffer for the device: the write meets it alive, going or gone.
                    _ = test.Guest.Devices.DmaWrite(test.Init, "", address, data);
                    continue;
                }

                int fd = test.Allocate(TestGuest.Shared, Size);
                MmapResult map = test.Guest.Mappings.Mmap(test.Init, fd, 0, null, null, MapFlags.Shared).Value;
                files.Add(new FileStream(map.Backing!.OpenFd().Value, FileAccess.Read, 1));
                test.Store(map.Address, "x"u8);
                Assert.Null(test.Guest.Buffers.Release(test.Init, fd));
                Assert.Null(test.Guest.Mappings.Munmap(test.Init, map.Address));
            }
        });

        Assert.All(files, AssertZeros);
        files.ForEach(f => f.Dispose());
    }

    [Theory]
    [InlineData(Platform.Sev)]
    [InlineData(Platform.Tdx)]
    public void Dispose_WhileThreadsCopy_EndsThemWithErrnos(Platform platform)
    {
        for (int round = 0; round < 8; round++)
        {
            using var test = new TestGuest(platform);
            ulong address = test.Map(test.Allocate(TestGuest.Shared, 1 << 20));
            ulong hidden = test.Map(test.Allocate(TestGuest.Private, 1 << 20));
            InParallel(Threads, i =>
            {
                byte[] bytes = new byte[1 << 20];
                for (int n = 0; n < 6; n++)
                {
                    Failure? failure = i switch
                    {
                        0 => test.Host.Destroy(test.Guest.Shape.Name),
                        1 => test.Guest.Mappings.Load(test.Init, address, bytes),
                        2 => test.Guest.Mappings.Store(test.Init, hidden, bytes),
                        _ => test.Guest.HostView.Read(test.Guest.Memory.Layout.Pool.Address, bytes),
                    };
                    Assert.True(failure is null || failure.Errno is Errno.EOWNERDEAD or Errno.ENOENT, failure?.Sentence);
                }
            });
        }
    }

    private static void Work(Guest guest, GuestProcess process, int seed)
    {
        var dice = new Random(seed);
        for (int round = 0; round < Rounds; round++)
        {
            bool shared = dice.Next(2) == 0;
            int size = 4096 * dice.Next(1, 40);
            int fd = guest.Heaps.Allocate(process, shared ? TestGuest.Shared : TestGuest.Private, (ulong)size, 2, 0).Value.Fd;
            ulong address = guest.Mappings.Mmap(process, fd, 0, null, null, MapFlags.Shared).Value.Address;
            byte[] wrote = new byte[size];
            dice.NextBytes(wrote);
            Assert.Null(guest.Mappings.Store(process, address, wrote));
            ulong attachment = guest.Importers.Attach(process, fd, "").Value.Attachment;
            Result<DmaMapping> mapping = guest.Importers.Map(process, attachment, DmaDirection.Bidirectional, 0);
            Assert.Null(mapping.Failure);
            byte[] first = new byte[4096];
            Assert.Null(guest.Devices.DmaRead(process, "", mapping.Value.AddressOf(0), first));
            Assert.Equal(wrote[..4096], first);
            dice.NextBytes(first);
            Assert.Null(guest.Devices.DmaWrite(process, "", mapping.Value.AddressOf(0), first));
            Assert.Null(guest.Importers.Unmap(process, attachment));
            first.CopyTo(wrote, 0);
            if (dice.Next(2) == 0)
            {
                Assert.Null(guest.Importers.Detach(process, attachment));
                Assert.Null(guest.Buffers.Release(process, fd));
            }

            byte[] read = new byte[size];
            Assert.Null(guest.Mappings.Load(process, address, read));
            Assert.Equal(wrote, read);
            if (dice.Next(2) == 0)
            {
                Assert.Null(guest.Mappings.Munmap(process, address));
            }
        }
    }

    private static void InParallel(int threads, Action<int> work)
    {
        using var start = new Barrier(threads);
        Task[] tasks = [.. Enumerable.Range(0, threads).Select(i => Task.Factory.StartNew(
            () =>
            {
                start.SignalAndWait();
                work(i);
            },
            CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default))];
#pragma warning disable xUnit1031 // The threads are bounded by numbers, and the test is about threads.
        Task.WaitAll(tasks);
#pragma warning restore xUnit1031
    }

    private static void AssertZeros(FileStream file)
    {
        byte[] bytes = new byte[file.Length];
        RandomAccess.Read(file.SafeFileHandle, bytes, 0);
        Assert.False(bytes.AsSpan().ContainsAnyExcept((byte)0), "an old file shows bytes after its memory was taken back");
    }
}
