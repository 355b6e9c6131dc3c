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

    /// <summary>1920x1200, each pixel an index into a colour map.</summary>
    public const string ColourMap = "usr/share/plymouth/themes/lines/background.png";

    /// <summary>A JPEG file.</summary>
    public const string Jpeg = "usr/share/plasma/look-and-feel/org.debian.desktop/contents/previews/fullscreenpreview.jpg";
}
