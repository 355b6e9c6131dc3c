namespace CocoGuest.Client;

/// <summary>The end of a guest process.</summary>
/// <param name="Kind">What ended it.</param>
/// <param name="Reason">A sentence for a person.</param>
public sealed record ProcessEnd(ProcessEndKind Kind, string Reason);
