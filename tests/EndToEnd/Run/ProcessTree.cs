using CocoGuest.Supervisor.Target;

namespace CocoGuest.Tests.EndToEnd.Run;

/// <summary>Who is below a process.</summary>
internal static class ProcessTree
{
    /// <summary>The process of that name below another.</summary>
    public static int Named(int pid, string name) => ProcFolder.DescendantsOf(pid).First(below => ProcFolder.NameOf(below) == name);
}
