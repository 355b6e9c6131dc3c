using System.Text;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine.PageState.Views;

/// <summary>Writes a view matrix as a Markdown table, for generated documentation.</summary>
public static class ViewMatrixMarkdown
{
    private static readonly (ViewAccessor Accessor, string Name)[] Rows =
    [
        (ViewAccessor.GuestPrivateMapping, "guest, private mapping"),
        (ViewAccessor.GuestSharedMapping, "guest, shared mapping"),
        (ViewAccessor.HostRead, "host read"),
        (ViewAccessor.HostWrite, "host write"),
        (ViewAccessor.DeviceT0, "T=0 device"),
        (ViewAccessor.DeviceT0WithCBit, "T=0 device, address with C-bit"),
        (ViewAccessor.DeviceT1, "T=1 device"),
    ];

    // By platform: private, private unvalidated (null where there is no such state), shared.
    private static readonly (string Private, string? Unvalidated, string Shared)[] Heads =
    [
        ("private", null, "shared"),
        ("private", null, "shared"),
        ("private (assigned, validated)", "private (assigned, not validated)", "shared (not assigned)"),
        ("private (accepted)", "private (pending)", "shared"),
        ("private", null, "shared"),
        ("private", null, "shared"),
        ("private (assigned, validated)", "private (assigned, not validated)", "shared (not assigned)"),
        ("C-bit set", null, "C-bit clear"),
        ("RIPAS RAM", "RIPAS DESTROYED", "RIPAS EMPTY"),
        ("private", null, "shared"),
        ("secure", null, "shared"),
        ("secure", null, "shared"),
    ];

    /// <summary>The table, with line ends of LF and one behind the last row.</summary>
    public static string Render(ViewMatrix matrix)
    {
        (string onPrivate, string? onUnvalidated, string onShared) = Heads[(int)matrix.Platform];
        StringBuilder text = new();
        bool three = onUnvalidated is not null;
        AppendRow(text, "accessor", onPrivate, onUnvalidated, onShared);
        text.Append(three ? "|---|---|---|---|\n" : "|---|---|---|\n");
        foreach ((ViewAccessor accessor, string name) in Rows)
        {
            if (accessor == ViewAccessor.DeviceT0WithCBit && !PlatformProfile.Of(matrix.Platform).HasCBit)
                continue;
            AppendRow(
                text,
                name,
                Text(matrix[accessor, PageCondition.Private]),
                three ? Text(matrix[accessor, PageCondition.PrivateUnvalidated]) : null,
                Text(matrix[accessor, PageCondition.Shared]));
        }
        return text.ToString();
    }

    private static string Text(ViewCell cell)
    {
        string text = cell.Outcome == ViewOutcome.Fault ? $"fault ({cell.Description})" : cell.Description;
        return (cell.Believed ? "[B] " : "") + text + (cell.TerminatesGuest ? " → guest terminates" : "");
    }

    private static void AppendRow(StringBuilder text, string name, string onPrivate, string? onUnvalidated, string onShared)
    {
        text.Append("| ").Append(name).Append(" | ").Append(onPrivate);
        if (onUnvalidated is not null)
            text.Append(" | ").Append(onUnvalidated);
        text.Append(" | ").Append(onShared).Append(" |\n");
    }
}
