namespace CocoGuest.Tests.Machine.Properties.Linearizability;

/// <summary>Real threads that make the calls of one history after another, each history from a common start.</summary>
internal sealed class Threads : IDisposable
{
    private readonly Barrier _start;
    private readonly Barrier _end;
    private readonly Thread[] _threads;
    private readonly List<Done>[] _done;
    private Act[][] _acts = [];
    private Func<Act, Answer> _make = static _ => default;
    private long _clock;
    private volatile bool _over;

    /// <param name="count">Threads.</param>
    public Threads(int count)
    {
        _start = new Barrier(count + 1);
        _end = new Barrier(count + 1);
        _done = [.. Enumerable.Range(0, count).Select(_ => new List<Done>())];
        _threads = [.. Enumerable.Range(0, count).Select(i => new Thread(() => Work(i)) { IsBackground = true })];
        Array.ForEach(_threads, t => t.Start());
    }

    /// <summary>Runs each thread's calls, at the same time.</summary>
    public History Run(Act[][] acts, Func<Act, Answer> make)
    {
        _acts = acts;
        _make = make;
        Array.ForEach(_done, d => d.Clear());
        _start.SignalAndWait();
        _end.SignalAndWait();
        return new History([.. _done.SelectMany(d => d)]);
    }

    public void Dispose()
    {
        _over = true;
        _start.SignalAndWait();
        Array.ForEach(_threads, t => t.Join());
        _start.Dispose();
        _end.Dispose();
    }

    private void Work(int thread)
    {
        while (true)
        {
            _start.SignalAndWait();
            if (_over)
            {
                return;
            }

            foreach (Act act in thread < _acts.Length ? _acts[thread] : [])
            {
                long began = Interlocked.Increment(ref _clock);
                Answer answer = _make(act);
                _done[thread].Add(new Done(thread, act, answer, began, Interlocked.Increment(ref _clock)));
            }

            _end.SignalAndWait();
        }
    }
}
