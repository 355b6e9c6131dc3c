using System.Globalization;
using System.Text;
using CocoGuest.Linux;
using CocoGuest.Supervisor.Target;

namespace CocoGuest.Supervisor.Launch;

/// <summary>
/// What this process was started with, and what a program that it starts gets as if it had been started in its place: words and variables
/// as bytes, signals, limits, death signal.
/// </summary>
/// <remarks>
/// Before Main the runtime raises the limit of open files, ignores SIGPIPE and handles SIGTERM and a few others; what was before, only the
/// doorstep has seen (<c>src/Clients/Cli/Doorstep</c>), which runs first and leaves an open file with it. Without one (<c>dotnet
/// coco.dll</c>) the limit is taken to be the caller's as far as the hard limit allows, and those signals to be at their default.
/// </remarks>
internal sealed class StartState
{
    /// <summary>Name of the doorstep's file: status and limits of /proc/self, one after the other.</summary>
    private const string DoorstepFile = "/memfd:coco-doorstep (deleted)";

    // What the doorstep adds to the environment, behind everything else, in this order.
    private static readonly byte[][] DoorstepVariables =
        ["DOTNET_EnableDiagnostics=0"u8.ToArray(), "DOTNET_EnableWriteXorExecute=0"u8.ToArray()];

    // SIGPIPE, which the runtime ignores.
    private const ulong RuntimeIgnores = 1ul << 12;

    private const ulong UsualSoft = 1024;

    private StartState(string? seen)
    {
        int self = Environment.ProcessId;
        string status = seen ?? ProcFolder.StatusOf(self);
        Blocked = Set(status, "SigBlk:");
        Ignored = Set(status, "SigIgn:") & ~(seen is null ? RuntimeIgnores : 0);
        Words = ProcFolder.StringsOf(self, "cmdline");
        IReadOnlyList<byte[]> variables = ProcFolder.StringsOf(self, "environ");
        int added = DoorstepVariables.Length;
        bool isAdded = seen is not null && variables.Count >= added
            && variables.TakeLast(added).Zip(DoorstepVariables).All(pair => pair.First.AsSpan().SequenceEqual(pair.Second));
        Variables = isAdded ? [.. variables.SkipLast(added)] : variables;
        Files = (seen is null ? null : ProcFolder.OpenFilesIn(seen)) is { } exact ? exact : Guess(self);
        DeathSignal = DeathSignalNow();
    }

    /// <summary>This process'. Read early: nothing may have been changed by then.</summary>
    public static StartState Own { get; } = new(ProcFolder.TakeOwnFile(DoorstepFile));

    /// <summary>Signals that were blocked: bit N − 1 for signal N.</summary>
    public ulong Blocked { get; }

    /// <summary>Signals that were ignored.</summary>
    public ulong Ignored { get; }

    /// <summary>RLIMIT_NOFILE.</summary>
    public RLimit Files { get; }

    /// <summary>The signal that comes when the parent ends; 0: none.</summary>
    public int DeathSignal { get; }

    /// <summary>The words of the command line; empty if they cannot be read.</summary>
    public IReadOnlyList<byte[]> Words { get; }

    /// <summary>The environment; empty if it cannot be read.</summary>
    public IReadOnlyList<byte[]> Variables { get; }

    /// <summary>
    /// The last words of the command line as bytes, if these are they; else the text as UTF-8.
    /// </summary>
    public IReadOnlyList<byte[]> BytesOf(IReadOnlyList<string> words)
    {
        byte[][] last = [.. Words.TakeLast(words.Count)];
        return last.Length == words.Count && last.Zip(words).All(pair => IsText(pair.First, pair.Second))
            ? last
            : [.. words.Select(word => Encoding.UTF8.GetBytes(word))];
    }

    /// <summary>The value of a variable.</summary>
    public byte[]? Variable(ReadOnlySpan<byte> name)
    {
        foreach (byte[] variable in Variables)
        {
            if (variable.Length > name.Length && variable.AsSpan().StartsWith(name) && variable[name.Length] == '=')
            {
                return variable[(name.Length + 1)..];
            }
        }

        return null;
    }

    // Whoever made the text may have replaced what is no UTF-8 in another way.
    private static bool IsText(byte[] bytes, string text) =>
        text.Contains('\ufffd', StringComparison.Ordinal) || Encoding.UTF8.GetString(bytes) == text;

    private static RLimit Guess(int self)
    {
        RLimit own = ProcFolder.OpenFilesOf(self) ?? new RLimit { Cur = UsualSoft, Max = UsualSoft };
        RLimit? parent = ProcFolder.ParentOf(self) is { } pid ? ProcFolder.OpenFilesOf(pid) : null;
        return new RLimit { Cur = Math.Min(parent?.Cur ?? UsualSoft, own.Max), Max = own.Max };
    }

    private static ulong Set(string status, string label) =>
        status.Split('\n').FirstOrDefault(l => l.StartsWith(label, StringComparison.Ordinal)) is { } line
            ? ulong.Parse(line.AsSpan(label.Length).Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture) : 0;

    private static unsafe int DeathSignalNow()
    {
        int signal = 0;
        return Libc.Prctl(Libc.PrGetPdeathsig, (nint)(&signal), 0, 0, 0) == 0 ? signal : 0;
    }
}
