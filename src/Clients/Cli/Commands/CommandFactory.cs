using System.CommandLine;
using CocoGuest.Client;
using Google.Protobuf;

namespace CocoGuest.Cli.Commands;

/// <summary>Makes commands that are one call: connect, call, write the answer, or write the error.</summary>
/// <param name="globals">The options of all commands.</param>
internal sealed class CommandFactory(GlobalOptions globals)
{
    public GlobalOptions Globals => globals;

    /// <summary>A command that writes the answer as it is.</summary>
    public Command Call<T>(
        string name, string description, Symbol[] symbols, Func<CocoConnection, ParseResult, CancellationToken, Task<T>> call)
        where T : IMessage =>
        Call(name, description, symbols, call, (output, _, answer) => output.Message(answer));

    /// <summary>A command that writes the answer in a way of its own; as JSON it is always the message.</summary>
    public Command Call<T>(
        string name,
        string description,
        Symbol[] symbols,
        Func<CocoConnection, ParseResult, CancellationToken, Task<T>> call,
        Action<Output, ParseResult, T> write)
        where T : IMessage =>
        Run(name, description, symbols, async (connection, parsed, output, cancel) =>
        {
            T answer = await call(connection, parsed, cancel);
            if (output.IsJson)
                output.Message(answer);
            else
                write(output, parsed, answer);
            return 0;
        });

    /// <summary>A command that does something of its own with a connection.</summary>
    public Command Run(
        string name, string description, Symbol[] symbols, Func<CocoConnection, ParseResult, Output, CancellationToken, Task<int>> run)
    {
        var command = new Command(name, description);
        foreach (Symbol symbol in symbols)
        {
            if (symbol is Argument argument)
                command.Arguments.Add(argument);
            else
                command.Options.Add((Option)symbol);
        }

        command.SetAction(async (parsed, cancel) =>
        {
            var output = new Output(parsed.GetValue(globals.Json));
            try
            {
                using CocoConnection connection = globals.Connect(parsed);
                return await run(connection, parsed, output, cancel);
            }
            catch (Exception e) when (e is CocoException or ArgumentException or IOException or FormatException)
            {
                return output.Error(e);
            }
        });
        return command;
    }
}
