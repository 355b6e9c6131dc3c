namespace CocoGuest.Service.Starting;

/// <summary>Why the server does not start: one sentence for a person, exit code 1.</summary>
internal sealed class StartupException(string sentence, Exception? cause = null) : Exception(sentence, cause);
