using System.CommandLine;
using CocoGuest.Client;

namespace CocoGuest.Cli;

/// <summary>The options that every command has.</summary>
internal sealed class GlobalOptions
{
    public Option<string?> Server { get; } = new("--server")
    {
        Description = "The server: unix:PATH, a path, or http://HOST:PORT. Default: COCOGUEST_SOCKET, else <runtime>/cocoguest.sock.",
        Recursive = true,
    };

    public Option<string?> Token { get; } = new("--token")
    {
        Description = "Bearer token for privileged calls over TCP.",
        Recursive = true,
    };

    public Option<bool> Json { get; } = new("--json") { Description = "Answers and errors as JSON on stdout.", Recursive = true };

    /// <summary>Names a guest; not on every command.</summary>
    public Option<string> Guest { get; } = new("--guest") { Description = "The guest. Default: default.", DefaultValueFactory = _ => "" };

    /// <summary>Names a process; not on every command.</summary>
    public Option<string> Process { get; } = new("--process")
    {
        Description = "Handle of the guest process. Default: the guest's init.",
        DefaultValueFactory = _ => "",
    };

    public void AddTo(RootCommand root)
    {
        root.Options.Add(Server);
        root.Options.Add(Token);
        root.Options.Add(Json);
    }

    public CocoConnection Connect(ParseResult parsed) => CocoConnection.Connect(parsed.GetValue(Server), parsed.GetValue(Token));
}
