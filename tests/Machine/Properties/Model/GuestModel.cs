using System.Collections.Immutable;

namespace CocoGuest.Tests.Machine.Properties.Model;

/// <summary>
/// Reference model of what a guest holds. It knows no counts: a buffer lives exactly as long as an fd, a mapping, an attachment or a
/// token in flight names it (S-BUF-90). Immutable, so that a step is a function from model to model.
/// </summary>
internal sealed record GuestModel
{
    /// <summary>A guest that just booted: init and the built-in device.</summary>
    public static GuestModel Booted(uint init, string builtIn) => new()
    {
        Processes = [init],
        Devices = [new ModelDevice(init, builtIn, Trusted: false, Mediated: true)],
    };

    public ImmutableSortedDictionary<ulong, ModelBuffer> Buffers { get; init; } = ImmutableSortedDictionary<ulong, ModelBuffer>.Empty;

    public ImmutableList<ModelFd> Fds { get; init; } = [];

    public ImmutableList<ModelVma> Vmas { get; init; } = [];

    public ImmutableList<ModelAttachment> Attachments { get; init; } = [];

    public ImmutableList<ModelToken> Tokens { get; init; } = [];

    public ImmutableList<ModelDevice> Devices { get; init; } = [];

    public ImmutableList<uint> Processes { get; init; } = [];

    public GuestModel Allocated(ModelBuffer buffer, ModelFd fd) =>
        this with { Buffers = Buffers.Add(buffer.Inode, buffer), Fds = Fds.Add(fd) };

    public GuestModel Released(ModelFd fd) => (this with { Fds = Fds.Remove(fd) }).Collected();

    public GuestModel Unmapped(ModelVma vma) => (this with { Vmas = Vmas.Remove(vma) }).Collected();

    public GuestModel Detached(ModelAttachment attachment) => (this with { Attachments = Attachments.Remove(attachment) }).Collected();

    public GuestModel Imported(ModelToken token, ModelFd fd) => this with { Tokens = Tokens.Remove(token), Fds = Fds.Add(fd) };

    public GuestModel Expired(long now) => (this with { Tokens = Tokens.RemoveAll(t => t.Expires <= now) }).Collected();

    public GuestModel Ended(uint pid) => (this with
    {
        Processes = Processes.Remove(pid),
        Fds = Fds.RemoveAll(f => f.Pid == pid),
        Vmas = Vmas.RemoveAll(v => v.Pid == pid),
        Attachments = Attachments.RemoveAll(a => a.Pid == pid),
        Devices = Devices.RemoveAll(d => d.Pid == pid),
    }).Collected();

    public GuestModel Unregistered(ModelDevice device) => (this with
    {
        Devices = Devices.Remove(device),
        Attachments = Attachments.RemoveAll(a => a.Device == device),
    }).Collected();

    /// <summary>References on the file of a buffer.</summary>
    public int ReferencesOn(ulong inode) =>
        Fds.Count(f => f.Inode == inode) + Vmas.Count(v => v.Inode == inode)
        + Attachments.Count(a => a.Inode == inode) + Tokens.Count(t => t.Inode == inode);

    /// <summary>The number that the next fd of a process gets: the lowest free one from 3 on.</summary>
    public int NextFd(uint pid)
    {
        var used = Fds.Where(f => f.Pid == pid).Select(f => f.Fd).ToHashSet();
        return Enumerable.Range(3, used.Count + 1).First(fd => !used.Contains(fd));
    }

    private GuestModel Collected()
    {
        var reached = Fds.Select(f => f.Inode).Concat(Vmas.Select(v => v.Inode))
            .Concat(Attachments.Select(a => a.Inode)).Concat(Tokens.Select(t => t.Inode)).ToHashSet();
        return this with { Buffers = Buffers.RemoveRange(Buffers.Keys.Where(inode => !reached.Contains(inode))) };
    }
}
