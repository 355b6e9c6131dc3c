using System.Collections;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace CocoGuest.Tests.Service.Fuzz;

/// <summary>
/// What the server answered, by the names of fields: handles, tokens, fds, addresses. A request whose field has the name of a former answer's
/// may get that value, so calls get past their first check and meet what others left behind. Not thread-safe.
/// </summary>
internal sealed class FuzzPool
{
    private const int Most = 24;
    private readonly Dictionary<string, List<object>> _values = new(StringComparer.Ordinal);

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
    };

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
