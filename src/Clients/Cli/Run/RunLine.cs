using System.CommandLine;
using System.CommandLine.Help;

namespace CocoGuest.Cli.Run;

/// <summary>
/// The words behind <c>coco run</c>: which are options, and where the program begins. From there on all words are the program's, with or
/// without <c>--</c>. The words come out so that the parser of options cannot read them in another way.
/// <para>Not looked at here: whether a value is a good one.</para>
/// </summary>
internal sealed class RunLine
{
    private const string Usage = "coco run [options] -- PROGRAM ARGS (coco run --help lists the options)";

    private readonly Option[] _options;
    private readonly HashSet<Option> _seen = [];
    private readonly List<string> _words = [];
    private readonly Queue<string> _left;

    private RunLine(IEnumerable<Option> options, IEnumerable<string> words)
    {
        _options = [.. options];
        _left = new Queue<string>(words);
    }

    /// <summary>Words for the parser, and what is wrong with them, or null.</summary>
    /// <param name="root">The root, whose options may stand before and behind <c>run</c>.</param>
    /// <param name="arguments">All that was typed behind <c>coco</c>.</param>
    /// <returns>Null: another command is called.</returns>
    public static (string[] Words, string? Error)? Read(RootCommand root, IReadOnlyList<string> arguments)
    {
        int at = 0;
        while (at < arguments.Count && root.Options.FirstOrDefault(o => Is(o, arguments[at])) is { } option)
        {
            at += TakesValue(option) && !arguments[at].Contains('=', StringComparison.Ordinal) ? 2 : 1;
        }

        if (at >= arguments.Count || arguments[at] != "run")
        {
            return null;
        }

        Command run = root.Subcommands.Single(c => c.Name == "run");
        string[] before = [.. arguments.Take(at)];
        // The option of that name behind `run` is another one: the report's.
        if (before.Contains("--json"))
        {
            return (before, "--json stands behind run and takes a file: coco run --json FILE -- PROGRAM ARGS");
        }

        IEnumerable<Option> shared = root.Options.Where(o => o.Recursive && run.Options.All(own => own.Name != o.Name));
        var line = new RunLine(run.Options.Concat(shared), arguments.Skip(at + 1));
        string? error = line.Read();
        return ([.. before, "run", .. line._words], error);
    }

    private string? Read()
    {
        while (_left.TryPeek(out string? word) && word is ['-', _, ..] and not "--")
        {
            _words.Add(_left.Dequeue());
            string name = word.Split('=', ':')[0];
            if (_options.FirstOrDefault(o => Is(o, name)) is not { } option)
            {
                return $"no option {name}{Guess(name)}";
            }

            if (option is HelpOption)
            {
                return null;
            }

            if (ReadValue(option, name, inWord: name.Length != word.Length) is { } wrong)
            {
                return wrong;
            }
        }

        if (_left.TryPeek(out string? dashes) && dashes == "--")
        {
            _left.Dequeue();
        }

        bool none = !_left.TryPeek(out string? program) || program.Length == 0;
        _words.AddRange(["--", .. _left]);
        return none ? $"no program: {Usage}" : null;
    }

    private string? ReadValue(Option option, string name, bool inWord)
    {
        if (!_seen.Add(option) && TakesValue(option) && option.Arity.MaximumNumberOfValues == 1)
        {
            return $"{name} was given twice";
        }

        if (!TakesValue(option))
        {
            return inWord ? $"{name} takes no value" : null;
        }

        if (inWord)
        {
            return _words[^1].Length == name.Length + 1 ? $"{name} needs a value" : null;
        }

        if (!_left.TryPeek(out string? value) || value.StartsWith("--", StringComparison.Ordinal) || value.Length == 0)
        {
            return $"{name} needs a value";
        }

        _words.Add(option.Name == Matrix.Option ? Matrix.Join(_left) : _left.Dequeue());
        return null;
    }

    private string Guess(string name)
    {
        string? near = _options.Select(o => o.Name).Where(o => o.StartsWith("--", StringComparison.Ordinal))
            .Where(o => Distance(o, name) <= Math.Max(2, name.Length / 4)).MinBy(o => Distance(o, name));
        return near is null ? "; coco run --help lists the options" : $"; did you mean {near}?";
    }

    // Letters to insert, delete or change. Two that changed places count as two.
    private static int Distance(string one, string other)
    {
        int[] row = [.. Enumerable.Range(0, other.Length + 1)];
        foreach ((int i, char letter) in one.Index())
        {
            int corner = row[0];
            row[0] = i + 1;
            for (int j = 1; j <= other.Length; j++)
            {
                (corner, row[j]) = (row[j], Math.Min(Math.Min(row[j], row[j - 1]) + 1, corner + (letter == other[j - 1] ? 0 : 1)));
            }
        }

        return row[^1];
    }

    private static bool TakesValue(Option option) => option.ValueType != typeof(bool);

    private static bool Is(Option option, string word) =>
        word.Split('=', ':')[0] is var name && (option.Name == name || option.Aliases.Contains(name));
}
