using System.Collections;
using System.Text.Json;

namespace CocoGuest.Service.Options;

/// <summary>
/// Reads the options: defaults, then the file, then the environment, then flags. Every unknown key is an error with a suggestion, and all
/// errors are collected, so that a person mends them in one go.
/// </summary>
internal sealed class OptionsReader
{
    private const string ConfigKey = "config";
    private static readonly string[] BareFlags = ["--help", "-h", "--print-config", "--version"];

    private readonly ServerOptions _options = new();
    private readonly Dictionary<string, OptionSource> _sources = new(StringComparer.Ordinal);
    private readonly List<string> _errors = [];
    private OptionsRequest _request;

    private OptionsReader()
    {
    }

    /// <summary>Reads all sources.</summary>
    /// <param name="arguments">The command line.</param>
    /// <param name="environment">Environment variables, those of other programs too.</param>
    public static OptionsReading Read(IReadOnlyList<string> arguments, IDictionary environment)
    {
        var reader = new OptionsReader();
        List<(string Key, string Value, string Shown)> flags = reader.ParseFlags(arguments, out string? file);
        file ??= environment[OptionTable.EnvironmentPrefix + "CONFIG"] as string;
        if (!string.IsNullOrEmpty(file))
        {
            reader.ReadFile(file);
        }

        reader.ReadEnvironment(environment);
        foreach ((string key, string value, string shown) in flags)
        {
            reader.Apply(key, value, OptionSource.Flag, shown);
        }

        reader.ReadStandardEndpoint(environment);
        return new OptionsReading(reader._options, reader._sources, reader._errors, reader._request);
    }

    private List<(string Key, string Value, string Shown)> ParseFlags(IReadOnlyList<string> arguments, out string? file)
    {
        var flags = new List<(string, string, string)>();
        file = null;
        for (int i = 0; i < arguments.Count; i++)
        {
            string argument = arguments[i];
            if (BareFlags.Contains(argument))
            {
                _request = argument switch
                {
                    "--print-config" => OptionsRequest.PrintConfig,
                    "--version" => OptionsRequest.Version,
                    _ => OptionsRequest.Help,
                };
                continue;
            }

            int equals = argument.IndexOf('=', StringComparison.Ordinal);
            string flag = equals < 0 ? argument : argument[..equals];
            string? value = equals < 0 ? null : argument[(equals + 1)..];
            string key = flag.StartsWith("--", StringComparison.Ordinal) ? flag[2..] : "";
            if (key.StartsWith("no-", StringComparison.Ordinal)
                && OptionTable.ByKey.TryGetValue(key[3..], out OptionSpec? negated) && negated.HasNegation)
            {
                flags.Add((negated.Key, value is null ? "off" : "", argument));
            }
            else if (key != ConfigKey && !OptionTable.ByKey.ContainsKey(key))
            {
                IEnumerable<string> known = OptionTable.Rows.Select(r => "--" + r.Key).Append("--" + ConfigKey).Concat(BareFlags)
                    .Concat(OptionTable.Rows.Where(r => r.HasNegation).Select(r => "--no-" + r.Key));
                _errors.Add($"There is no flag {flag}.{Suggest(flag, known)}");
            }
            else if (value is null && key != ConfigKey && OptionTable.ByKey[key].IsSwitch)
            {
                flags.Add((key, "on", argument));
            }
            else if (value is null && ++i == arguments.Count)
            {
                _errors.Add($"The flag {flag} needs a value.");
            }
            else if (key == ConfigKey)
            {
                file = value ?? arguments[i];
            }
            else
            {
                flags.Add((key, value ?? arguments[i], flag));
            }
        }

        return flags;
    }

    private void ReadEnvironment(IDictionary environment)
    {
        foreach (DictionaryEntry entry in environment)
        {
            if (entry is not { Key: string name, Value: string value }
                || !name.StartsWith(OptionTable.EnvironmentPrefix, StringComparison.Ordinal)
                || name == OptionTable.EnvironmentPrefix + "CONFIG"
                || ForeignVariables.Has(name))
            {
                continue;
            }

            if (OptionTable.Rows.FirstOrDefault(r => r.EnvironmentName == name) is { } row)
            {
                Apply(row.Key, value, OptionSource.Environment, name);
            }
            else
            {
                _errors.Add($"There is no environment variable {name}.{Suggest(name, OptionTable.Rows.Select(r => r.EnvironmentName))}");
            }
        }
    }

    // OpenTelemetry's own name for the collector counts where none of ours says anything, 'off' included.
    private void ReadStandardEndpoint(IDictionary environment)
    {
        if (environment[OptionTable.StandardEndpoint] is string { Length: > 0 } value && !_sources.ContainsKey(OptionTable.OtlpKey))
        {
            Apply(OptionTable.OtlpKey, value, OptionSource.Environment, OptionTable.StandardEndpoint);
        }
    }

    private void ReadFile(string path)
    {
        try
        {
            var lenient = new JsonDocumentOptions { AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip };
            using var document = JsonDocument.Parse(File.ReadAllBytes(path), lenient);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                _errors.Add($"{path} holds no JSON object.");
                return;
            }

            foreach (JsonProperty property in document.RootElement.EnumerateObject())
            {
                ReadProperty(path, property);
            }
        }
        catch (JsonException e)
        {
            _errors.Add($"{path}, line {e.LineNumber + 1}: not valid JSON.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _errors.Add($"{path} cannot be read: {e.Message}");
        }
    }

    private void ReadProperty(string path, JsonProperty property)
    {
        if (!OptionTable.ByKey.ContainsKey(property.Name))
        {
            _errors.Add($"{path}: there is no option '{property.Name}'.{Suggest(property.Name, OptionTable.ByKey.Keys)}");
            return;
        }

        string? value = property.Value.ValueKind switch
        {
            JsonValueKind.String => property.Value.GetString(),
            JsonValueKind.Number => property.Value.GetRawText(),
            JsonValueKind.True => "on",
            JsonValueKind.False => "off",
            _ => null,
        };
        if (value is null)
        {
            _errors.Add($"{path}: '{property.Name}' is neither text, number nor boolean.");
            return;
        }

        Apply(property.Name, value, OptionSource.File, $"{path}: '{property.Name}'");
    }

    private void Apply(string key, string value, OptionSource source, string shown)
    {
        if (OptionTable.ByKey[key].Set(_options, value) is { } wrong)
        {
            _errors.Add($"{shown}: '{value}' {wrong}.");
            return;
        }

        _sources[key] = source;
    }

    private static string Suggest(string word, IEnumerable<string> known) =>
        Spelling.Nearest(word, known) is { } nearest ? $" Did you mean {nearest}?" : " See --help.";
}
