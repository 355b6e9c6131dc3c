using System.Text.Json.Nodes;
using CocoGuest.Client;
using CocoGuest.DrmImporter.Jobs;
using CocoGuest.DrmImporter.Prime;

namespace CocoGuest.Tests.Clients.Prime;

/// <summary>The queue of the simulated GPU: one fence a job, in the order of submission.</summary>
public sealed class JobQueueTests
{
    [Fact]
    [Statement("S-GPU-10")]
    public async Task Submit_SecondJobIsReadyFirst_SignalsAfterTheFirst()
    {
        await using var queue = new JobQueue();
        var order = new List<ulong>();
        queue.Signalled += fence => order.Add((ulong)fence["seqno"]!);
        var gate = new TaskCompletionSource();

        ulong first = queue.Submit(Of(async _ => await gate.Task));
        ulong second = queue.Submit(Of(_ => Task.CompletedTask));
        bool secondWasDone = queue.Fence(second)!.IsCompleted;
        gate.SetResult();
        await queue.Fence(second)!;

        Assert.Equal((1UL, 2UL, false), (first, second, secondWasDone));
        Assert.Equal([1UL, 2UL], order);
    }

    [Fact]
    [Statement("S-GPU-10")]
    public async Task Submit_AnyJob_ItsFenceHasTheContextOfTheQueue()
    {
        await using var queue = new JobQueue();

        JsonObject fence = await queue.Fence(queue.Submit(Of(_ => Task.CompletedTask)))!;

        Assert.Equal(JobQueue.Context, (ulong)fence["context"]!);
    }

    [Fact]
    [Statement("S-GPU-10")]
    public async Task Submit_JobFails_ItsFenceSignalsWithTheErrorAndTheNextRuns()
    {
        await using var queue = new JobQueue();

        ulong failing = queue.Submit(Of(_ => throw new CocoException(5, "EIO", "dma", "read", "told to fail")));
        ulong next = queue.Submit(Of(_ => Task.CompletedTask));

        JsonObject failed = await queue.Fence(failing)!;
        Assert.Equal((false, "EIO"), ((bool)failed["ok"]!, (string?)failed["error"]!["errnoName"]));
        Assert.True((bool)(await queue.Fence(next)!)["ok"]!);
    }

    [Fact]
    [Statement("S-GPU-08", "S-GPU-10")]
    public async Task Submit_HandleIsClosedMeanwhile_ObjectLivesUntilTheJobIsOver()
    {
        var core = new FakeBackend();
        await using var file = new PrimeFile(core);
        await using var queue = new JobQueue();
        (uint handle, bool _) = await file.ImportAsync(7, default);
        var gate = new TaskCompletionSource();

        ulong seqno = queue.Submit(new Job("wait", [file.Find(handle, "test")], async _ =>
        {
            await gate.Task;
            return [];
        }));
        await file.CloseAsync(handle);
        bool livedOn = !core.Log.Contains("unmap");
        gate.SetResult();
        await queue.Fence(seqno)!;

        Assert.True(livedOn);
        Assert.Contains("unmap", core.Log);
    }

    private static Job Of(Func<CancellationToken, Task> work) => new("test", [], async cancel =>
    {
        await work(cancel);
        return new JsonObject();
    });
}
