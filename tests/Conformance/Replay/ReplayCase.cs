namespace CocoGuest.Tests.Replay;

/// <summary>What the steps of one case share: names for what they opened. Disposed at the case's end, when the real one had closed everything.</summary>
internal sealed class ReplayCase(BootWorld world, string family, string name, IReadOnlyList<Record> records) : IDisposable
{
    private readonly Dictionary<Type, object> _states = [];

    public string Family => family;

    public string Name => name;

    public BootWorld World => world;

    /// <summary>All records of the case: for what the recorder did without a step of its own (<see cref="Untold"/>).</summary>
    public IReadOnlyList<Record> Records => records;

    /// <summary>Records whose bytes <see cref="Untold"/> stored from their own answers.</summary>
    public HashSet<Record> Planted { get; } = new(ReferenceEqualityComparer.Instance);

    /// <summary>State of a group of handlers in this case, made when first asked for.</summary>
    public T State<T>()
        where T : class, new()
    {
        if (!_states.TryGetValue(typeof(T), out object? state))
        {
            _states.Add(typeof(T), state = new T());
        }

        return (T)state;
    }

    /// <summary>As <see cref="State"/>, for a state that has to be made from something.</summary>
    public T StateOf<T>(Func<T> make)
        where T : class
    {
        if (!_states.TryGetValue(typeof(T), out object? state))
        {
            _states.Add(typeof(T), state = make());
        }

        return (T)state;
    }

    public void Dispose()
    {
        foreach (IDisposable state in _states.Values.OfType<IDisposable>())
        {
            state.Dispose();
        }
    }
}
