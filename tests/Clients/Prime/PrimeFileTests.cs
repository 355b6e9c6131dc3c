using CocoGuest.Client;
using CocoGuest.DrmImporter.Prime;

namespace CocoGuest.Tests.Clients.Prime;

public sealed class PrimeFileTests : IAsyncDisposable
{
    private readonly FakeBackend _core = new();
    private readonly PrimeFile _file;

    public PrimeFileTests() => _file = new PrimeFile(_core);

    public ValueTask DisposeAsync() => _file.DisposeAsync();

    [Fact]
    [Statement("S-GPU-02", "S-GPU-11")]
    public async Task Import_NewBuffer_AttachesReferencesMapsAndCaches()
    {
        (uint handle, bool cached) = await _file.ImportAsync(7, default);

        Assert.Equal((1u, false), (handle, cached));
        Assert.Equal(["attach", "reference 1", "map", "reference 2"], _core.Log);
    }

    [Fact]
    [Statement("S-GPU-02")]
    public async Task Import_AnotherFdOnTheSameBuffer_GivesTheSameHandleAndDoesNothing()
    {
        (uint first, bool _) = await _file.ImportAsync(7, default);
        _core.Log.Clear();

        (uint again, bool cached) = await _file.ImportAsync(107, default);

        Assert.Equal((first, true), (again, cached));
        Assert.Empty(_core.Log);
    }

    [Fact]
    [Statement("S-GPU-02")]
    public async Task Import_AnotherBuffer_GivesAnotherHandle()
    {
        (uint first, bool _) = await _file.ImportAsync(7, default);
        (uint second, bool _) = await _file.ImportAsync(8, default);

        Assert.NotEqual(first, second);
    }

    [Theory]
    [InlineData("attach", 12)]
    [InlineData("reference 1", 24, "attach", "detach")]
    [InlineData("map", 5, "attach", "reference 1", "detach", "drop 1")]
    [InlineData("reference 2", 24, "attach", "reference 1", "map", "unmap", "detach", "drop 1")]
    [Statement("S-GPU-02", "S-GPU-03")]
    public async Task Import_StepFails_IsUndoneAndTheErrnoPassed(string step, int errno, params string[] log)
    {
        _core.FailAt = step;

        CocoException error = await Assert.ThrowsAsync<CocoException>(() => _file.ImportAsync(7, default));

        Assert.Equal(errno, error.Errno);
        Assert.Equal(log, _core.Log);
    }

    [Fact]
    [Statement("S-GPU-02")]
    public async Task Import_AfterAFailure_StartsAnew()
    {
        _core.FailAt = "map";
        await Assert.ThrowsAsync<CocoException>(() => _file.ImportAsync(7, default));
        _core.FailAt = null;

        (uint handle, bool cached) = await _file.ImportAsync(7, default);

        Assert.Equal((1u, false), (handle, cached));
    }

    [Fact]
    [Statement("S-GPU-02")]
    public async Task Import_ClosedFd_IsEbadf() =>
        Assert.Equal(9, (await Assert.ThrowsAsync<CocoException>(() => _file.ImportAsync(0, default))).Errno);

    [Fact]
    [Statement("S-GPU-06", "S-GPU-08")]
    public async Task Close_LastUser_UnmapsDetachesAndDrops()
    {
        (uint handle, bool _) = await _file.ImportAsync(7, default);
        _core.Log.Clear();

        await _file.CloseAsync(handle);

        Assert.Equal(["drop 2", "unmap", "detach", "drop 1"], _core.Log);
    }

    [Fact]
    [Statement("S-GPU-08")]
    public async Task Close_WhileAJobUsesTheObject_ObjectLivesUntilTheJobIsDone()
    {
        (uint handle, bool _) = await _file.ImportAsync(7, default);
        GemObject held = _file.Find(handle, "test").Get();
        _core.Log.Clear();

        await _file.CloseAsync(handle);
        Assert.Equal(["drop 2"], _core.Log);
        await held.PutAsync();

        Assert.Equal(["drop 2", "unmap", "detach", "drop 1"], _core.Log);
    }

    [Fact]
    [Statement("S-GPU-08")]
    public async Task Import_AfterClose_IsANewImport()
    {
        (uint first, bool _) = await _file.ImportAsync(7, default);
        await _file.CloseAsync(first);

        (uint second, bool cached) = await _file.ImportAsync(7, default);

        Assert.False(cached);
        Assert.NotEqual(first, second);
    }

    [Fact]
    [Statement("S-GPU-04")]
    public async Task Export_ImportedObject_GivesTheOriginalDmaBuf()
    {
        (uint handle, bool _) = await _file.ImportAsync(7, default);

        Assert.Equal(1001, await _file.ExportAsync(handle, 0x80002, default));
    }

    [Theory]
    [InlineData(1, 1u, 22)]
    [InlineData(1, 0x800u, 22)]
    [InlineData(9, 0u, 2)]
    [Statement("S-GPU-01", "S-GPU-04")]
    public async Task Export_WrongFlagsOrHandle_GivesTheErrno(uint handle, uint flags, int errno)
    {
        await _file.ImportAsync(7, default);

        CocoException error = await Assert.ThrowsAsync<CocoException>(() => _file.ExportAsync(handle, flags, default));

        Assert.Equal(errno, error.Errno);
    }
}
