using System.Text.Json.Nodes;
using System.Threading.Channels;
using CocoGuest.DrmImporter.Prime;
using CocoGuest.Importer;

namespace CocoGuest.DrmImporter.Jobs;

/// <summary>
/// The queue of the simulated GPU.
/// Models: S-GPU-10 (a fence per job, context = queue, sequence numbers from 1 up, signalled in order, with an error where the job failed).
/// Does not model: several queues, implicit fences (S-GPU-09): importers in other processes order themselves by these fences' events.
/// </summary>
internal sealed class JobQueue : IAsyncDisposable
{
    /// <summary>Fence context of the queue.</summary>
    public const ulong Context = 1;

    private readonly Channel<Submitted> _channel = Channel.CreateUnbounded<Submitted>(new UnboundedChannelOptions { SingleReader = true });
    private readonly Dictionary<ulong, Task<JsonObject>> _fences = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _worker;
    private ulong _nextSeqno = 1;

    public JobQueue() => _worker = Task.Run(WorkAsync);

    /// <summary>A fence signalled; the argument is what it tells. Raised in order.</summary>
    public event Action<JsonObject>? Signalled;

    /// <summary>Queues a job.</summary>
    /// <returns>The sequence number of its fence.</returns>
    public ulong Submit(Job job)
    {
        foreach (GemObject used in job.Objects)
            used.Get();
        var done = new TaskCompletionSource<JsonObject>(TaskCreationOptions.RunContinuationsAsynchronously);
        ulong seqno = _nextSeqno++;
        _fences.Add(seqno, done.Task);
        _channel.Writer.TryWrite(new Submitted(seqno, job, done));
        return seqno;
    }

    /// <summary>The fence of a sequence number, or null when no job has it.</summary>
    public Task<JsonObject>? Fence(ulong seqno) => _fences.GetValueOrDefault(seqno);

    public async ValueTask DisposeAsync()
    {
        _channel.Writer.Complete();
        await _stop.CancelAsync();
        await _worker;
        _stop.Dispose();
    }

    private async Task WorkAsync()
    {
        IAsyncEnumerable<Submitted> queued = _channel.Reader.ReadAllAsync(CancellationToken.None);
        await foreach ((ulong seqno, Job job, TaskCompletionSource<JsonObject> done) in queued)
        {
            var fence = new JsonObject { ["context"] = Context, ["seqno"] = seqno, ["job"] = job.Name };
            try
            {
                JsonObject result = await job.RunAsync(_stop.Token);
                fence["ok"] = true;
                fence["result"] = result;
            }
            catch (Exception e)
            {
                // A fence always signals, whatever became of the job; it carries the error.
                fence["ok"] = false;
                fence["error"] = ControlLoop.Describe(e);
            }

            await ReleaseAsync(job);
            Signalled?.Invoke(fence);
            done.SetResult(fence);
        }
    }

    private static async Task ReleaseAsync(Job job)
    {
        try
        {
            foreach (GemObject used in job.Objects)
                await used.PutAsync();
        }
        catch (Client.CocoException)
        {
            // The last reference went while the guest ended; there is nothing left to undo.
        }
    }

    private readonly record struct Submitted(ulong Seqno, Job Job, TaskCompletionSource<JsonObject> Done);
}
