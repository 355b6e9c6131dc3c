namespace CocoGuest.Tests.EndToEnd.Foreign;

/// <summary>Pictures of Debian's desktop-base, by path in the package.</summary>
public static class Pictures
{
    /// <summary>1920x1080, RGB.</summary>
    public const string Wide = "usr/share/desktop-base/emerald-theme/grub/grub-16x9.png";

    /// <summary>640x480, RGBA.</summary>
    public const string Alpha = "usr/share/desktop-base/emerald-theme/grub/grub-4x3.png";

    /// <summary>600x338, RGB: each chunk of a buffer for it is small enough to bounce.</summary>
    public const string Small = "usr/share/plasma/look-and-feel/org.debian.desktop/contents/previews/preview.png";

    /// <summary>A picture with a colour map, which the demo does not read.</summary>
    public const string ColourMap = "usr/share/plymouth/themes/lines/background.png";
}
