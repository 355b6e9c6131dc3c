using System.Globalization;
using CocoGuest.Machine.Tree;
using CocoGuest.Supervisor.Target;

namespace CocoGuest.Supervisor.Calls;

/// <summary>
/// Whose a path is: it is walked component by component as the kernel does it for the program, from the program's own root or working
/// folder, through links of host and guest, and only through folders that the program may enter.
/// <para>The walk decides and no more: what ends in the host's tree, and what it cannot tell, the kernel answers in the program. What
/// changes between the walk and the answer can so give a guest's answer too much or too little, but never one for a host's file.</para>
/// </summary>
/// <remarks>Does not model: what is mounted over a working folder after it was entered, procfs elsewhere than at /proc.</remarks>
/// <param name="tree">The guest's files.</param>
/// <param name="root">The program's root.</param>
/// <param name="rights">The caller's rights.</param>
internal sealed class PathWalk(GuestTree tree, ProgramRoot root, CallerRights rights)
{
    private const int MostLinks = 40;
    private const string Proc = "/proc";
    private readonly Stack<string> _rest = new();
    private string _place = "";
    private int _links;

    /// <summary>True if a folder or link of the guest's lay on the way.</summary>
    public bool ThroughGuest { get; private set; }

    /// <summary>True if a folder on the way is closed to the caller by the host, or is not there: the guest sees it otherwise.</summary>
    public bool ThroughHidden { get; private set; }

    /// <summary>
    /// What is behind the place in the path: a slash or a dot where only a folder will do (S-HEAP-57), also because the walk ended at a
    /// file of the guest's; or nothing.
    /// </summary>
    public string End { get; private set; } = "";

    /// <summary>Walks a path; null: it cannot be told where it leads, or nothing can be there.</summary>
    /// <param name="start">Where a relative path starts.</param>
    /// <param name="path">The path as the program gave it.</param>
    /// <param name="follow">Whether a link at the end is followed; with a slash behind it, it always is.</param>
    public string? Go(string start, string path, bool follow)
    {
        _place = path.StartsWith('/') || start == "/" ? "" : start;
        ThroughGuest = GuestPath.IsGuests(_place);
        follow |= path.EndsWith('/');
        End = path.EndsWith('/') ? "/" : path.EndsWith("/.", StringComparison.Ordinal) ? "/." : "";
        Push(path);
        while (_rest.TryPop(out string? part))
        {
            if (GuestPath.IsGuests(_place) && tree.IsLeaf(_place))
            {
                End = "/.";
                break;
            }

            if (part != "." && !Step(part, follow || _rest.Count != 0))
            {
                return null;
            }
        }

        return _place.Length == 0 ? "/" : _place;
    }

    private static bool IsNumber(string part) => int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out _);

    private bool IsInProc => _place == Proc || _place.StartsWith(Proc + "/", StringComparison.Ordinal);

    private bool Step(string part, bool follow)
    {
        bool up = part == "..";
        if (!MayLookUp(up))
        {
            return false;
        }

        if (up)
        {
            _place = _place.Length == 0 ? "" : _place[.._place.LastIndexOf('/')];
            return true;
        }

        string next = $"{_place}/{part}";
        return GuestPath.IsGuests(next) ? StepInGuest(next, follow)
            : IsInProc ? StepInProc(part, next)
            : StepInHost(next, follow);
    }

    // What is not there has no parent either.
    private bool MayLookUp(bool up)
    {
        if (GuestPath.IsGuests(_place))
        {
            return !up || tree.Owns(_place);
        }

        if (IsInProc)
        {
            return root.Look(Proc, cached: false) is { IsOfProc: true };
        }

        HostEntry? entry = Look(_place);
        bool open = entry is { IsFolder: true } && rights.MayEnter(entry);
        ThroughHidden |= !open;
        return open || (GuestPath.IsAbove(_place) && entry is null or { IsFolder: true });
    }

    private bool StepInGuest(string next, bool follow)
    {
        ThroughGuest = true;
        string target = follow ? tree.Resolve(next).Path : next;
        return GuestPath.IsGuests(target) ? Enter(target) : Follow(target);
    }

    // Its folders are told by name, since "self" is another for each reader; its links lead where only the kernel knows.
    private bool StepInProc(string part, string next) =>
        (IsNumber(part) || (_place == Proc ? part is "self" or "thread-self" : part is "task" or "fd" or "fdinfo")) && Enter(next);

    private bool StepInHost(string next, bool follow)
    {
        HostEntry? entry = follow ? Look(next) : null;
        return entry is { Link: { } link } ? !entry.IsOfProc && Follow(link)
            : (entry is not null || !follow || GuestPath.IsAbove(next)) && Enter(next);
    }

    // Folders that have nothing to do with the guest only as far as the kernel knows them by heart: a file system that does not answer
    // would make the program wait for what it did not ask for.
    private HostEntry? Look(string path) => root.Look(path, cached: !GuestPath.IsAbove(path));

    private bool Enter(string place)
    {
        _place = place;
        return true;
    }

    private bool Follow(string link)
    {
        _place = link.StartsWith('/') ? "" : _place;
        Push(link);
        return ++_links <= MostLinks;
    }

    private void Push(string path)
    {
        foreach (string part in path.Split('/', StringSplitOptions.RemoveEmptyEntries).Reverse())
        {
            _rest.Push(part);
        }
    }
}
