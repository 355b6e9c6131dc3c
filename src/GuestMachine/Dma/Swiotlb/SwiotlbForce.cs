namespace CocoGuest.Machine.Dma.Swiotlb;

/// <summary>Why a swiotlb pool bounces every streaming mapping of its devices (S-UP-23, S-SWI-70). None: it does not.</summary>
[Flags]
public enum SwiotlbForce
{
    /// <summary>Mappings bounce only when their address is out of reach.</summary>
    None = 0,
    /// <summary><c>swiotlb=force</c> on the command line.</summary>
    CommandLine = 1,
    /// <summary>CoCo start-up code passed the force flag (up to 7.2 only).</summary>
    Platform = 2,
    /// <summary>The pool is a restricted pool of its devices.</summary>
    Restricted = 4,
}
