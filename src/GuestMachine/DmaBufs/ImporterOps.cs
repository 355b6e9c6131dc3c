namespace CocoGuest.Machine.DmaBufs;

/// <summary>The importer ops given at attach (S-BUF-43, 46).</summary>
public enum ImporterOps
{
    /// <summary>None: a static attachment.</summary>
    None = 0,

    /// <summary>With an invalidate callback: a dynamic attachment that can be told of moves (S-BUF-56).</summary>
    WithInvalidate = 1,

    /// <summary>Without the callback: dynamic, but it cannot be told; not in every kernel (S-BUF-46).</summary>
    WithoutInvalidate = 2,
}
