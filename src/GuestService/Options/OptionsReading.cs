namespace CocoGuest.Service.Options;

/// <summary>What came of reading file, environment and flags.</summary>
/// <param name="Options">The settings in force.</param>
/// <param name="Sources">Where each came from, by key; a key that is not here has its default.</param>
/// <param name="Errors">One sentence for each thing that is wrong; the server does not start with any.</param>
/// <param name="Request">What the command line asks for instead of serving.</param>
internal sealed record OptionsReading(
    ServerOptions Options,
    IReadOnlyDictionary<string, OptionSource> Sources,
    IReadOnlyList<string> Errors,
    OptionsRequest Request);
