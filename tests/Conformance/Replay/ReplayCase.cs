namespace CocoGuest.Tests.Replay;

/// <summary>
/// What the steps of one case share: names for what they opened. Disposed at the case's end, when the real one had closed everything.
/// </summary>
internal sealed class ReplayCase(BootWorld world, string family, string name, IReadOnlyList<Record> records) : IDisposable
{
    private readonly Dictionary<Type, object> _states = [];
    private readonly Renaming _renaming = new();

    public string Family => family;

    public string Name => name;

    public BootWorld World => world;

    /// <summary>
    /// All records of the case. Their inputs tell what the recorder did without a step of its own (<see cref="Untold"/>).
    /// </summary>
    public IReadOnlyList<Record> Records => records;

    /// <summary>Bytes that the replay chose in place of the recorder's.</summary>
    public Marks Marks { get; } = new(records);

    /// <summary>Whether any step is one of these operations.</summary>
    public bool Has(params ReadOnlySpan<string> ops)
    {
        foreach (Record record in records)
        {
            if (ops.Contains(record.Op))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The step that follows, or null.</summary>
    public Record? After(Record record) => records.SkipWhile(r => !ReferenceEquals(r, record)).ElementAtOrDefault(1);

    /// <summary>The first input of that name that any step of the case has, or null.</summary>
    public string? Input(string key) => records.Select(r => r.In.Text(key, "")).FirstOrDefault(text => text.Length > 0);

    /// <summary>The renaming of a group of words (<see cref="Renamed"/>).</summary>
    public Renaming RenamingOf(string group) => group == Renamed.PerBoot ? world.Renaming : _renaming;

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
