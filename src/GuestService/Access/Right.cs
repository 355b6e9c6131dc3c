namespace CocoGuest.Service.Access;

/// <summary>
/// What a call reaches, which decides who may make it over TCP. Over the Unix socket the peer's uid has opened all of them.
/// </summary>
internal enum Right
{
    /// <summary>One's own process and what anybody may see: open.</summary>
    Own = 0,
    /// <summary>Beyond one's own process: other guests' life, raw memory. Over TCP it needs the bearer token.</summary>
    Host = 1,
}
