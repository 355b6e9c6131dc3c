using System.Runtime.CompilerServices;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine.PageState.Views;

/// <summary>
/// Who sees what of a page: one of the matrices S-PLAT-10..14, or the trivial one of a plain guest.
/// <para>Models: the kind of data or fault per accessor and condition. Does not model: the bytes (the encryption engine does), what a
/// VMM makes of a memory-fault exit, device IOTLBs.</para>
/// </summary>
public sealed class ViewMatrix
{
    private const int Columns = 3;

    private static readonly ViewMatrix[] All =
    [
        new(Platform.None, false, ViewTables.PlainGuest),
        new(Platform.Sev, false, ViewTables.Sev),
        new(Platform.SevSnp, false, ViewTables.SevSnp),
        new(Platform.Tdx, false, ViewTables.Tdx),
        new(Platform.Lab, false, ViewTables.PlainGuest),
        new(Platform.SevEs, false, ViewTables.Sev),
        new(Platform.SevSnpVtom, false, ViewTables.SevSnp),
        new(Platform.SmeHost, false, ViewTables.SmeHost),
        new(Platform.CcaRealm, false, ViewTables.CcaRealm),
        new(Platform.Pkvm, false, ViewTables.Pkvm),
        new(Platform.S390, false, ViewTables.Ultravisor),
        new(Platform.PowerSvm, false, ViewTables.Ultravisor),
    ];

    private static readonly ViewMatrix SevSnpHiding = new(Platform.SevSnp, true, ViewTables.SevSnpHiding);
    private static readonly ViewMatrix VtomHiding = new(Platform.SevSnpVtom, true, ViewTables.SevSnpHiding);

    private readonly ViewCell[] _cells;

    private ViewMatrix(Platform platform, bool ciphertextHiding, ViewCell[] cells)
    {
        Platform = platform;
        CiphertextHiding = ciphertextHiding;
        _cells = cells;
    }

    /// <summary>The platform.</summary>
    public Platform Platform { get; }

    /// <summary>SNP: the host reads all ones instead of ciphertext.</summary>
    public bool CiphertextHiding { get; }

    /// <summary>The cell for an accessor that reaches for a page in that condition.</summary>
    public ViewCell this[ViewAccessor accessor, PageCondition condition]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _cells[((int)accessor * Columns) + (int)condition];
    }

    /// <summary>The matrix of a platform. Ciphertext hiding means something on SNP only.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Unknown platform.</exception>
    public static ViewMatrix For(Platform platform, bool ciphertextHiding = false)
    {
        if (!Enum.IsDefined(platform))
        {
            throw new ArgumentOutOfRangeException(nameof(platform), platform, "No view matrix for this platform.");
        }

        return (platform, ciphertextHiding) switch
        {
            (Platform.SevSnp, true) => SevSnpHiding,
            (Platform.SevSnpVtom, true) => VtomHiding,
            _ => All[(int)platform],
        };
    }
}
