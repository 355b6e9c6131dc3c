using System.Globalization;

namespace CocoGuest.Supervisor.Target;

/// <summary>The signals that wait for a thread and that it would take: neither blocked nor ignored.</summary>
/// <param name="Pid">Its process.</param>
/// <param name="IsFirst">It is the process' first thread, or its only one.</param>
/// <param name="Thread">Those for the thread.</param>
/// <param name="Process">Those for the whole process.</param>
internal sealed record SignalSets(int Pid, bool IsFirst, ulong Thread, ulong Process)
{
    /// <summary>Of a thread; null: it is gone.</summary>
    public static SignalSets? Of(int tid)
    {
        if (ProcFolder.StatusOf(tid) is not { Length: > 0 } status)
        {
            return null;
        }

        var fields = status.Split('\n').Select(static l => l.Split(":\t", 2)).Where(static p => p.Length == 2)
            .ToDictionary(static p => p[0], static p => p[1].Trim(), StringComparer.Ordinal);
        ulong taken = ~(Set(fields, "SigBlk") | Set(fields, "SigIgn"));
        int pid = Number(fields, "Tgid");
        return new SignalSets(
            pid, pid == tid || Number(fields, "Threads") == 1, Set(fields, "SigPnd") & taken, Set(fields, "ShdPnd") & taken);
    }

    private static ulong Set(Dictionary<string, string> fields, string name) =>
        ulong.TryParse(fields.GetValueOrDefault(name), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out ulong set) ? set : 0;

    private static int Number(Dictionary<string, string> fields, string name) =>
        int.TryParse(fields.GetValueOrDefault(name), NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : 0;
}
