using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Fences;
using CocoGuest.Machine.Files;

namespace CocoGuest.Tests.Machine.Fences;

/// <summary>Recorded in the family vgem.</summary>
[Statement("S-REC-08")]
public sealed class VgemFenceTests
{
    [Fact]
    public void Attach_ReadFences_AddUpAndKeepWritersWaiting()
    {
        using var test = new FenceGuest();

        Assert.Equal((1u, 2u), (Attach(test, 0).Value, Attach(test, 0).Value));
        Assert.Null(test.Room.SignalFence(test.Init, 1));

        Assert.Equal(PollEvents.In, test.Poll(test.Buffer));
        SyncFenceInfo info = test.Info(test.Guest.Buffers.ExportSyncFile(test.Init, test.Buffer, FenceGuest.Write).Value).Fences.Single();
        Assert.Equal(("unbound", "vgem"), (info.Timeline, info.Driver));
    }

    [Fact]
    public void Attach_SecondWriteFence_FailsWithEbusy()
    {
        using var test = new FenceGuest();
        Assert.True(Attach(test, 1).Ok);

        Assert.Equal((Errno.EBUSY, Errno.EBUSY), (Attach(test, 1).Failure!.Errno, Attach(test, 0).Failure!.Errno));
        Assert.Null(test.Room.SignalFence(test.Init, 1));
        Assert.Equal(2u, Attach(test, 1).Value);
    }

    [Fact]
    public void Signal_Twice_FailsWithEnoent()
    {
        using var test = new FenceGuest();
        Assert.True(Attach(test, 1).Ok);
        Assert.Null(test.Room.SignalFence(test.Init, 1));

        Assert.Equal(Errno.ENOENT, test.Room.SignalFence(test.Init, 1)!.Errno);
    }

    [Fact]
    public void Attach_UnknownFlags_FailsWithEinval()
    {
        using var test = new FenceGuest();

        Assert.Equal(Errno.EINVAL, Attach(test, 2).Failure!.Errno);
    }

    [Fact]
    public void Fence_After10Seconds_SignalsByItself()
    {
        using var test = new FenceGuest();
        Assert.True(Attach(test, 1).Ok);
        test.Test.Time.Advance(VgemFences.Life - TimeSpan.FromTicks(1));
        Assert.Equal(PollEvents.None, test.Poll(test.Buffer));

        test.Test.Time.Advance(TimeSpan.FromTicks(1));

        Assert.Equal(PollEvents.In | PollEvents.Out, test.Poll(test.Buffer));
        Assert.Equal(Errno.ETIMEDOUT, test.Room.SignalFence(test.Init, 1)!.Errno);
    }

    [Fact]
    public void EndOfAProcess_ItsFences_SignalWithoutAnError()
    {
        using var test = new FenceGuest();
        GuestProcess peer = test.Test.Open();
        int fd = test.Guest.Heaps.Allocate(peer, "system", 4096, 2, 0).Value.Fd;
        int mine = test.Guest.Buffers.Import(test.Init, test.Guest.Buffers.Export(peer, fd, null, TimeSpan.Zero).Value).Value.Fd;
        Assert.True(test.Guest.Buffers.AttachFence(peer, fd, 1).Ok);
        int sync = test.Guest.Buffers.ExportSyncFile(test.Init, mine, FenceGuest.Read).Value;
        Assert.Equal(0, test.Info(sync).Status);

        Assert.Null(test.Guest.Processes.End(peer));

        Assert.Equal(1, test.Info(sync).Status);
    }

    [Fact]
    [Statement("S-BUF-04")]
    public void DrmAttach_OwnAndImportedObjects_UseTheReservationOfTheirDmaBuf()
    {
        using var test = new FenceGuest();
        int node = test.Guest.Drm.Open(test.Init, "vgem").Value;
        uint imported = test.Guest.Drm.FdToHandle(test.Init, node, test.Buffer).Value;
        int vkms = test.Guest.Drm.Open(test.Init, "vkms").Value;
        int exported = test.Guest.Drm.HandleToFd(
            test.Init, vkms, test.Guest.Drm.CreateDumb(test.Init, vkms, 64, 64, 32).Value.Handle, 2).Value.Fd;
        uint other = test.Guest.Drm.FdToHandle(test.Init, node, exported).Value;

        Assert.Equal((1u, 2u), (test.Guest.Drm.AttachFence(test.Init, node, imported, 1).Value,
            test.Guest.Drm.AttachFence(test.Init, node, other, 1).Value));
        Assert.Equal((PollEvents.None, PollEvents.None), (test.Poll(test.Buffer), test.Poll(exported)));
        Assert.Null(test.Guest.Drm.SignalFence(test.Init, node, 2));
        Assert.Equal((PollEvents.None, PollEvents.In | PollEvents.Out), (test.Poll(test.Buffer), test.Poll(exported)));
        Assert.Null(test.Guest.Files.Close(test.Init, node));
        Assert.Equal(PollEvents.In | PollEvents.Out, test.Poll(test.Buffer));
    }

    [Fact]
    public void DrmAttach_WrongArguments_FailInTheKernelsOrder()
    {
        using var test = new FenceGuest();
        int node = test.Guest.Drm.Open(test.Init, "vgem").Value;
        int vkms = test.Guest.Drm.Open(test.Init, "vkms").Value;

        Assert.Equal(Errno.EINVAL, test.Guest.Drm.AttachFence(test.Init, node, 9, 2).Failure!.Errno);
        Assert.Equal(Errno.ENOENT, test.Guest.Drm.AttachFence(test.Init, node, 9, 1).Failure!.Errno);
        Assert.Equal(Errno.EINVAL, test.Guest.Drm.AttachFence(test.Init, vkms, 9, 1).Failure!.Errno);
        Assert.Equal(Errno.ENOENT, test.Guest.Drm.SignalFence(test.Init, node, 1)!.Errno);
    }

    private static Result<uint> Attach(FenceGuest test, uint flags) => test.Guest.Buffers.AttachFence(test.Init, test.Buffer, flags);
}
