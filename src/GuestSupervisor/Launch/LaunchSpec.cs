using System.Globalization;

namespace CocoGuest.Supervisor.Launch;

/// <summary>What the supervisor tells the launcher on its command line.</summary>
/// <param name="Channel">fd of the socket on which the listener goes back.</param>
/// <param name="Floor">First number of emulated fds.</param>
/// <param name="Limit">RLIMIT_NOFILE of the program.</param>
/// <param name="Strict">Whether the filter stops what only --strict wants.</param>
/// <param name="TellsLeaks">Whether the filter stops what only the report of leaks wants.</param>
/// <param name="Traceable">Whether somebody who is no ancestor will read the program's memory.</param>
/// <param name="Program">The program and its arguments.</param>
internal sealed record LaunchSpec(
    int Channel, int Floor, int Limit, bool Strict, bool TellsLeaks, bool Traceable, IReadOnlyList<string> Program)
{
    private const int Fixed = 6;

    /// <summary>As arguments.</summary>
    public IEnumerable<string> ToArguments() =>
        new[] { Channel, Floor, Limit, Strict ? 1 : 0, TellsLeaks ? 1 : 0, Traceable ? 1 : 0 }
            .Select(n => n.ToString(CultureInfo.InvariantCulture))
            .Concat(Program);

    /// <summary>From arguments; null when they are not of this form.</summary>
    public static LaunchSpec? Parse(IReadOnlyList<string> arguments)
    {
        int[] numbers = [.. arguments.Take(Fixed).Select(NumberOf)];
        return arguments.Count <= Fixed || numbers.Contains(-1)
            ? null
            : new LaunchSpec(
                numbers[0], numbers[1], numbers[2], numbers[3] == 1, numbers[4] == 1, numbers[5] == 1, [.. arguments.Skip(Fixed)]);
    }

    private static int NumberOf(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : -1;
}
