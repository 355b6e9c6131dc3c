using CocoGuest.Machine;
using CocoGuest.Machine.Abi;
using CocoGuest.Machine.DmaBufs;
using CocoGuest.Machine.Fences;
using CocoGuest.Machine.Files;
using CocoGuest.Machine.Profiles;
using CocoGuest.Tests.Machine.Guests;

namespace CocoGuest.Tests.Machine.Fences;

/// <summary>A guest with one timeline and one buffer, and short words for fences.</summary>
internal sealed class FenceGuest : IDisposable
{
    public const uint Read = 1;
    public const uint Write = 2;
    public const uint ReadWrite = 3;

    private uint _value;

    public FenceGuest(KernelVersion kernel = KernelVersion.V72, Platform platform = Platform.None)
    {
        Test = new TestGuest(platform, kernel);
        Buffer = Test.Allocate(TestGuest.Private, 4096);
        Timeline = Room.CreateTimeline(Init, "heapprobe").Value;
    }

    public TestGuest Test { get; }

    public Guest Guest => Test.Guest;

    public GuestFences Room => Test.Guest.Fences;

    public GuestProcess Init => Test.Init;

    public int Buffer { get; }

    public int Timeline { get; }

    public int NewFence() => Room.CreateFence(Init, Timeline, ++_value).Value;

    /// <summary>Puts a new fence of the timeline into the buffer.</summary>
    public void AddFence(uint flags) => Assert.Null(Guest.Buffers.ImportSyncFile(Init, Buffer, flags, NewFence()));

    public void Signal(uint by = 1) => Assert.Null(Room.Advance(Init, Timeline, by));

    public PollEvents Poll(int fd, PollEvents events = PollEvents.In | PollEvents.Out) =>
        Room.Poll(Init, [new PollEntry(fd, events)], TimeSpan.Zero).Value.Events[0];

    public SyncFileInfo Info(int fd) => Room.Info(Init, fd).Value;

    public DmaBuf Object(int fd) => (DmaBuf)Init.Fds.Find(fd)!;

    public void Dispose() => Test.Dispose();
}
