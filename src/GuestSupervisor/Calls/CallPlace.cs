using CocoGuest.Machine.Tree;

namespace CocoGuest.Supervisor.Calls;

/// <summary>Where a call's path leads in the program's root.</summary>
/// <param name="Tree">The place in the machine's words.</param>
/// <param name="ThroughGuest">A folder of the guest's lies on the way.</param>
/// <param name="IsOpen">The host has all other folders on the way, and lets the program enter them.</param>
internal sealed record CallPlace(TreePlace Tree, bool ThroughGuest, bool IsOpen)
{
    /// <summary>For a place of the host's: the kernel cannot find it for the program, whose way goes through the guest.</summary>
    public bool LeftGuest => ThroughGuest && IsOpen;

    /// <summary>What the path has behind the place: for a path of the same place by another name.</summary>
    public string End => Tree.EndsInSlash ? "/" : Tree.WantsFolder ? "/." : "";

    /// <summary>The same place with what stands there now: buffers come and go between the walk and the answer.</summary>
    public CallPlace Anew(GuestTree tree) => this with { Tree = tree.Resolve(Path + End, follow: false) };

    /// <summary>Absolute, without links before its end.</summary>
    public string Path => Tree.Path;
}
