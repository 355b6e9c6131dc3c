using CocoGuest.Linux.Processes;
using Microsoft.Win32.SafeHandles;

namespace CocoGuest.Supervisor.Target;

/// <summary>Everything below this process. Orphans are its children, too, if it is a subreaper.</summary>
internal static class Descendants
{
    private const int Kill = 9;

    /// <summary>Kills them all and waits for their ends.</summary>
    /// <returns>How many there were.</returns>
    public static int End()
    {
        var seen = new HashSet<int>();
        while (true)
        {
            int[] alive = [.. ProcFolder.DescendantsOf(Environment.ProcessId).Where(pid => !ProcFolder.IsEnding(pid))];
            if (alive.Length == 0)
            {
                return seen.Count;
            }

            foreach (int pid in alive)
            {
                using SafeFileHandle? process = PidFd.Open(pid);
                seen.Add(pid);
                if (process is not null)
                {
                    PidFd.Signal(process, Kill);
                    PidFd.WaitForEnd(process);
                }
            }
        }
    }
}
