using System.Collections;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace CocoGuest.Tests.Service.Fuzz;

/// <summary>
/// What the server answered, by the names of fields: handles, tokens, fds, addresses. A request whose field has the name of a former
/// answer's may get that value, so calls get past their first check and meet what others left behind. Values that belong together, those of
/// one successful call and its answer, are kept together as a scene: an fd is worth something with its process only. Not thread-safe.
/// </summary>
internal sealed class FuzzPool
{
    private const int Most = 24;
    private const int MostScenes = 64;
    private const int Looks = 6;
    private readonly Dictionary<string, List<object>> _values = new(StringComparer.Ordinal);
    private readonly List<Dictionary<string, object>> _scenes = [];

    // Names under which requests ask for what responses give under another.
    private static readonly Dictionary<string, string> Aliases = new(StringComparer.Ordinal)
    {
        ["to_process"] = "process",
        ["memfd"] = "fd",
        ["fd2"] = "fd",
        ["sync_fd"] = "fd",
        ["old_length"] = "length",
        ["new_length"] = "length",
        ["address"] = "guest_physical_address",
        ["len"] = "length",
        ["other_address"] = "guest_physical_address",
        ["events"] = "known",
        ["dma_address"] = "address",
    };

    // A second object of a request: the scene's own one would be the first again.
    private static readonly HashSet<string> OfAnother = ["sync_fd", "other_address", "to_process"];

    /// <summary>Takes a value in.</summary>
    public void Add(string name, object value, Random dice)
    {
        if (!_values.TryGetValue(name, out List<object>? values))
        {
            _values.Add(name, values = []);
        }

        if (values.Count < Most)
        {
            values.Add(value);
        }
        else
        {
            values[dice.Next(Most)] = value;
        }
    }

    /// <summary>A successful call: what it was asked with and what it answered are a scene, and the answer's values are known.</summary>
    public IReadOnlyDictionary<string, object> Remember(IMessage request, IMessage response, Random dice)
    {
        Harvest(response, dice);
        var scene = new Dictionary<string, object>(StringComparer.Ordinal);
        Flatten(request, scene);
        Flatten(response, scene);
        if (_scenes.Count < MostScenes)
        {
            _scenes.Add(scene);
        }
        else
        {
            _scenes[dice.Next(MostScenes)] = scene;
        }

        return scene;
    }

    /// <summary>Of a few scenes the one that knows most fields of a request; null: there is none yet.</summary>
    public IReadOnlyDictionary<string, object>? SceneFor(MessageDescriptor type, Random dice)
    {
        Dictionary<string, object>? best = null;
        int most = -1;
        for (int look = 0; look < Looks && _scenes.Count != 0; look++)
        {
            Dictionary<string, object> scene = _scenes[dice.Next(_scenes.Count)];
            int known = type.Fields.InDeclarationOrder().Count(f => In(scene, f.Name) is not null);
            (best, most) = known > most ? (scene, known) : (best, most);
        }

        return best;
    }

    /// <summary>A scene's value for a field, by its name or another one; null: it has none.</summary>
    public static object? In(IReadOnlyDictionary<string, object> scene, string name) =>
        scene.TryGetValue(name, out object? value)
            || (!OfAnother.Contains(name) && Aliases.TryGetValue(name, out string? other) && scene.TryGetValue(other, out value))
            ? value
            : null;

    /// <summary>A value as a number; null: it is none.</summary>
    public static ulong? Number(object? value) => value switch
    {
        ulong number => number,
        uint number => number,
        int number => (ulong)number,
        long number => (ulong)number,
        _ => null,
    };

    /// <summary>Takes all scalar fields of a message in.</summary>
    public void Harvest(IMessage message, Random dice)
    {
        foreach (FieldDescriptor field in message.Descriptor.Fields.InDeclarationOrder())
        {
            object value = field.Accessor.GetValue(message);
            if (field.IsRepeated)
            {
                foreach (object item in ((IEnumerable)value).Cast<object>().Take(4))
                {
                    Take(field, item, dice);
                }
            }
            else if (value is not null)
            {
                Take(field, value, dice);
            }
        }
    }

    /// <summary>A former value of that name and type, or null.</summary>
    public T? Find<T>(string name, Random dice)
    {
        if ((dice.Next(3) == 0 || !_values.ContainsKey(name)) && Aliases.TryGetValue(name, out string? other))
        {
            name = other;
        }

        return _values.TryGetValue(name, out List<object>? values) && values[dice.Next(values.Count)] is T value ? value : default;
    }

    // The first of repeated ones stands for all; what is not there says nothing.
    private static void Flatten(IMessage message, Dictionary<string, object> scene)
    {
        foreach (FieldDescriptor field in message.Descriptor.Fields.InDeclarationOrder())
        {
            object? value = field.HasPresence && !field.Accessor.HasValue(message) ? null : field.Accessor.GetValue(message);
            value = field.IsRepeated ? ((IEnumerable)value!).Cast<object>().FirstOrDefault() : value;
            if (value is IMessage inner)
            {
                Flatten(inner, scene);
            }
            else if (value is not null and not ByteString)
            {
                scene[field.Name] = value;
            }
        }
    }

    private void Take(FieldDescriptor field, object value, Random dice)
    {
        if (value is IMessage inner)
        {
            Harvest(inner, dice);
        }
        else if (value is not ByteString)
        {
            Add(field.Name, value, dice);
        }
    }
}
