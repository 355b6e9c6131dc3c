namespace CocoGuest.Service.Options;

/// <summary>One row of <see cref="OptionTable"/>: a setting under its three names.</summary>
/// <param name="Key">Name in the file; <c>--key</c> as a flag, <c>COCOGUEST_KEY</c> in the environment.</param>
/// <param name="Value">What a value looks like, for the help text; empty for a switch.</param>
/// <param name="Help">One line for a person.</param>
/// <param name="Set">Stores a value, or says what is wrong with it.</param>
/// <param name="Get">The value in force, as it would be written.</param>
internal sealed record OptionSpec(
    string Key,
    string Value,
    string Help,
    Func<ServerOptions, string, string?> Set,
    Func<ServerOptions, string> Get)
{
    /// <summary>True for an option that is on or off: the flag needs no value, and <c>--no-key</c> turns it off.</summary>
    public bool IsSwitch => Value.Length == 0;

    /// <summary>True when <c>--no-key</c> is a flag: it stands for the value <c>off</c>.</summary>
    public bool HasNegation => IsSwitch || Value.EndsWith("|off", StringComparison.Ordinal);

    /// <summary>Name of the environment variable.</summary>
    public string EnvironmentName => OptionTable.EnvironmentPrefix + Key.Replace('-', '_').ToUpperInvariant();
}
