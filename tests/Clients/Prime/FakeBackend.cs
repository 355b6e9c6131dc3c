using CocoGuest.Client;
using CocoGuest.DrmImporter.Prime;
using CocoGuest.Importer;

namespace CocoGuest.Tests.Clients.Prime;

/// <summary>A dma-buf core that writes down what is asked of it, and fails where told. Fds n and n + 100 are the same dma-buf n.</summary>
internal sealed class FakeBackend : IPrimeBackend
{
    public List<string> Log { get; } = [];

    /// <summary>The step that fails: "attach", "map", or "reference 1" for the first reference.</summary>
    public string? FailAt { get; set; }

    private int _references;

    public ulong Identify(int fd) => fd == 0 ? throw new CocoException(9, "EBADF", "fget", "fd", "closed") : (ulong)(fd % 100);

    public Task<IPrimeAttachment> AttachAsync(int fd, CancellationToken cancel)
    {
        Step("attach", 12);
        return Task.FromResult<IPrimeAttachment>(new Attachment(this));
    }

    public Task<IPrimeReference> ReferenceAsync(int fd, CancellationToken cancel)
    {
        int number = ++_references;
        Step($"reference {number}", 24);
        return Task.FromResult<IPrimeReference>(new Reference(this, number));
    }

    private void Step(string step, int errno)
    {
        if (FailAt == step)
            throw new CocoException(errno, "E", "fake", step, "told to fail");
        Log.Add(step);
    }

    private sealed class Attachment(FakeBackend core) : IPrimeAttachment
    {
        public Task<IPrimeMapping> MapAsync(CancellationToken cancel)
        {
            core.Step("map", 5);
            return Task.FromResult<IPrimeMapping>(new Mapping(core));
        }

        public ValueTask DisposeAsync()
        {
            core.Log.Add("detach");
            return default;
        }
    }

    private sealed class Reference(FakeBackend core, int number) : IPrimeReference
    {
        public Task<int> DuplicateAsync(CancellationToken cancel) => Task.FromResult(1000 + number);

        public ValueTask DisposeAsync()
        {
            core.Log.Add($"drop {number}");
            return default;
        }
    }

    private sealed class Mapping(FakeBackend core) : IPrimeMapping
    {
        public ulong Size => 4096;

        public bool Bounced => false;

        public bool IsDirect => true;

        public int Segments => 1;

        public IDmaView View => throw new NotSupportedException("This fake has no bytes.");

        public (ulong DmaAddress, ulong Room) AddressOf(ulong bufferOffset) => (bufferOffset, 4096 - bufferOffset);

        public ValueTask DisposeAsync()
        {
            core.Log.Add("unmap");
            return default;
        }
    }
}
