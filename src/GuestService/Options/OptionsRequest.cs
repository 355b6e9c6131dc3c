namespace CocoGuest.Service.Options;

/// <summary>What a command line asks the program to do.</summary>
internal enum OptionsRequest
{
    /// <summary>Serve.</summary>
    Serve = 0,
    /// <summary>Print the help text.</summary>
    Help = 1,
    /// <summary>Print the effective values and where they came from.</summary>
    PrintConfig = 2,
    /// <summary>Print the version.</summary>
    Version = 3,
}
