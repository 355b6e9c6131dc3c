using CocoGuest.Supervisor.Target;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Tests.Clients.Supervisor;

/// <summary>Each end of a watched file is told, however many come before somebody looks.</summary>
public class CloseWatchTests
{
    // More than a queue of inotify holds.
    private const int Many = 17_000;

    [Fact]
    public void Take_MoreEndsThanAQueueHolds_TellsThemAll()
    {
        using var watch = new CloseWatch();
        var ids = new HashSet<long>();
        var files = new List<SafeFileHandle>();
        for (int i = 0; i < Many; i++)
        {
            SafeFileHandle file = Opened();
            ids.Add(watch.Add(file));
            files.Add(file);
        }

        files.ForEach(static f => f.Dispose());

        Assert.Equal(Many, ids.Count);
        Assert.True(ids.SetEquals(watch.Take()));
        Assert.Empty(watch.Take());
    }

    [Fact]
    public void Remove_AFile_IsNotTold()
    {
        using var watch = new CloseWatch();
        using SafeFileHandle kept = Opened();
        SafeFileHandle file = Opened();
        long id = watch.Add(file);
        long other = watch.Add(kept);

        watch.Remove(id);
        file.Dispose();

        Assert.NotEqual(id, other);
        Assert.Empty(watch.Take());
    }

    // The end of a memfd's first description is not told: since Linux 6.14 files without a path are not watched.
    private static SafeFileHandle Opened()
    {
        using SafeFileHandle memfd = HostFile.CreateMemfd("watched");
        return HostFile.Reopen(memfd, 2);
    }
}
