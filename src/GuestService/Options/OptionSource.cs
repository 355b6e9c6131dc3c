namespace CocoGuest.Service.Options;

/// <summary>Where an effective value came from; a later one wins over an earlier one.</summary>
internal enum OptionSource
{
    /// <summary>Built in.</summary>
    Default = 0,
    /// <summary>The configuration file.</summary>
    File = 1,
    /// <summary>An environment variable.</summary>
    Environment = 2,
    /// <summary>A flag of the command line.</summary>
    Flag = 3,
}
