using System.Collections;
using System.Globalization;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace CocoGuest.Cli.Show;

/// <summary>
/// An answer of the API as text for people: its own fields first, then a section for each message in it. Names are words, amounts have
/// units, addresses are hexadecimal. Sections leave out what is zero or empty; the answer's own fields stay, since a zero may be one.
/// </summary>
/// <remarks>
/// Units go by the names of the API's fields, which are regular: <c>…_bytes</c>, <c>…_nanoseconds</c>, <c>…address</c>.
/// </remarks>
internal static class MessageText
{
    private const string Indent = "  ";

    /// <summary>The lines.</summary>
    /// <param name="message">The answer. One that is nothing but another message is shown as that.</param>
    /// <param name="width">Characters of the screen's line.</param>
    public static IEnumerable<string> Lines(IMessage message, int width)
    {
        while (message.Descriptor.Fields.InFieldNumberOrder() is [{ FieldType: FieldType.Message, IsRepeated: false } only]
            && only.Accessor.GetValue(message) is IMessage inner)
        {
            message = inner;
        }

        bool first = true;
        foreach ((string title, Func<int, IEnumerable<string>> body) in Sections("", message))
        {
            if (title.Length != 0)
            {
                yield return first ? title : $"\n{title}";
            }

            string indent = title.Length == 0 ? "" : Indent;
            foreach (string line in body(width - indent.Length))
            {
                yield return (indent + line).TrimEnd();
            }

            first = false;
        }
    }

    // A message's own fields, then a section for each message in it.
    private static List<(string Title, Func<int, IEnumerable<string>> Body)> Sections(string title, IMessage message)
    {
        List<(string, string)> pairs = [];
        List<(string Title, Func<int, IEnumerable<string>> Body)> inner = [];
        foreach (FieldDescriptor field in message.Descriptor.Fields.InFieldNumberOrder())
        {
            object? value = field.Accessor.GetValue(message);
            string below = title.Length == 0 ? Words(field.Name) : $"{title}, {Words(field.Name)}";
            if (value is IList { Count: > 0 } list && (list[0] is IMessage || IsText(list)))
            {
                Func<int, IEnumerable<string>> body = list[0] is IMessage
                    ? width => Table([.. list.Cast<IMessage>()], width)
                    : width => list.Cast<string>().SelectMany(line => TextTable.Wrap(line, width));
                inner.Add((below, body));
            }
            else if (value is IMessage one and not IList)
            {
                inner.AddRange(Sections(below, one));
            }
            else if (title.Length == 0 && !IsEmptyBesideOthers(message, value)
                ? !field.HasPresence || field.Accessor.HasValue(message)
                : !IsNothing(value))
            {
                pairs.Add((Plain(field.Name), Shown(field, value)));
            }
        }

        if (pairs.Count != 0)
        {
            inner.Insert(0, (title, width => TextTable.Pairs(pairs, width)));
        }

        return inner;
    }

    private static IEnumerable<string> Table(IReadOnlyList<IMessage> rows, int width)
    {
        IList<FieldDescriptor> fields = rows[0].Descriptor.Fields.InFieldNumberOrder();
        return TextTable.Lines(
            [.. fields.Select(f => Plain(f.Name))],
            [.. rows.Select(row => fields.Select(f => Shown(f, f.Accessor.GetValue(row))).ToArray())], width);
    }

    // Sentences have a line each; single words stand in one.
    private static bool IsText(IList list) => list[0] is string && list.Cast<string>().Any(t => t.Contains(' ', StringComparison.Ordinal));

    // That there is none is an answer only where it was the question.
    private static bool IsEmptyBesideOthers(IMessage message, object? value) =>
        value is IList { Count: 0 } && message.Descriptor.Fields.InFieldNumberOrder().Count > 1;

    private static bool IsNothing(object? value) => value switch
    {
        null or false or "" or 0u or 0ul or 0 or 0L or 0.0 => true,
        IList list => list.Count == 0,
        ByteString bytes => bytes.IsEmpty,
        _ => false,
    };

    private static string Shown(FieldDescriptor field, object? value) => value switch
    {
        null => "",
        IList { Count: 0 } => "none",
        IList list => string.Join(", ", list.Cast<object?>().Select(one => Shown(field, one))),
        bool yes => yes ? "yes" : "no",
        ulong address when field.Name.EndsWith("address", StringComparison.Ordinal) => $"0x{address:x}",
        ulong bytes when IsOfBytes(field.Name) => Amounts.Bytes(bytes),
        ulong time when field.Name.EndsWith("_nanoseconds", StringComparison.Ordinal) =>
            string.Create(CultureInfo.InvariantCulture, $"{time / 1e9} s"),
        ByteString bytes => Convert.ToHexStringLower(bytes.Span),
        string text => text.TrimEnd('\n').Replace('\t', ' '),
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString() ?? "",
    };

    private static bool IsOfBytes(string name) =>
        name is "size" or "length"
        || name.EndsWith("_bytes", StringComparison.Ordinal) || name.StartsWith("bytes_", StringComparison.Ordinal);

    private static string Words(string name) => name.Replace('_', ' ');

    // The unit says it.
    private static string Plain(string name) =>
        Words(name.EndsWith("_bytes", StringComparison.Ordinal) ? name[..^"_bytes".Length]
            : name.EndsWith("_nanoseconds", StringComparison.Ordinal) ? name[..^"_nanoseconds".Length]
            : name);
}
