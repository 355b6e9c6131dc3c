namespace CocoGuest.Service.Logging;

/// <summary>How the server writes its log messages to stderr.</summary>
internal enum LogFormat
{
    /// <summary>A line for people.</summary>
    Text,

    /// <summary>A JSON object a line.</summary>
    Json,
}
