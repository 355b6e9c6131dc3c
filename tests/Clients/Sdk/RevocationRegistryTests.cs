using CocoGuest.Client.Internal;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Tests.Clients.Sdk;

public sealed class RevocationRegistryTests : IDisposable
{
    private readonly RevocationRegistry _registry = new();
    private readonly SafeFileHandle _file;

    public RevocationRegistryTests()
    {
        _file = File.OpenHandle(Path.GetTempFileName(), FileMode.Open, FileAccess.ReadWrite, FileShare.None, FileOptions.DeleteOnClose);
        RandomAccess.SetLength(_file, 4096);
    }

    public void Dispose() => _file.Dispose();

    [Fact]
    public void Revoke_OneBacking_MarksItsMappingsOnly()
    {
        using DirectMemory hit = Memory(1);
        using DirectMemory spared = Memory(2);
        string told = "";
        hit.Revoked += reason => told = reason;
        _registry.Add(hit);
        _registry.Add(spared);

        _registry.Revoke(1, "released");

        Assert.Equal(("released", "released", null), (told, hit.RevokedBecause, spared.RevokedBecause));
    }

    [Fact]
    public void Add_BackingRevokedBefore_IsMarkedAtOnce()
    {
        using DirectMemory late = Memory(1);
        _registry.Revoke(1, "private");

        _registry.Add(late);

        Assert.Equal("private", late.RevokedBecause);
    }

    [Fact]
    public void RevokeAll_AndLaterOnes_AreMarked()
    {
        using DirectMemory early = Memory(1);
        using DirectMemory late = Memory(2);
        _registry.Add(early);

        _registry.RevokeAll("gone");
        _registry.Add(late);

        Assert.Equal(("gone", "gone"), (early.RevokedBecause, late.RevokedBecause));
    }

    [Fact]
    public void Window_OutsideTheMapping_IsRefused()
    {
        using DirectMemory memory = Memory(1);

        Assert.Throws<ArgumentOutOfRangeException>(() => memory.Map.Read(4090, new byte[7]));
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.Map.Read(ulong.MaxValue, new byte[1]));
    }

    [Fact]
    public void Window_AfterDispose_IsRefused()
    {
        DirectMemory memory = Memory(1);
        memory.Dispose();

        Assert.Throws<ObjectDisposedException>(() => memory.Map.Read(0, new byte[1]));
    }

    private DirectMemory Memory(ulong backingId) => new(MemoryMapHandle.Map(_file, 0, 4096, writable: true), backingId, _registry);
}
