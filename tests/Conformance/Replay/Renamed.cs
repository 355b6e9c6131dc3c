using System.Text.RegularExpressions;

namespace CocoGuest.Tests.Replay;

/// <summary>
/// Fields that are compared up to a renaming, and why. In texts a row's pattern finds the words that may be others; the name of the group
/// says which renaming they belong to.
/// </summary>
internal static partial class Renamed
{
    /// <summary>One row.</summary>
    /// <param name="Words">Finds the words in both texts.</param>
    /// <param name="Reason">Why they may differ.</param>
    public sealed record Row(Regex Words, string Reason);

    /// <summary>By <c>op.field</c>.</summary>
    public static IReadOnlyDictionary<string, Row> Texts { get; } = new Dictionary<string, Row>(StringComparer.Ordinal)
    {
        ["read_bufinfo.text"] = new(
            FencesAndDrivers(),
            "context numbers count all fences since boot, of other drivers too; which DRM driver was opened is in no step"),
    };

    private const string Unwritten = "which byte the recorder stored is in no step; that it survived, moved or vanished is compared";
    private const string AnyStart = "where the slot search starts is in no step: the record has to be what some start gives, whole";
    private const string Nth = "at which n a failure shows depends on the kernel's build: the record has to be what some n gives, whole";

    /// <summary>
    /// Fields that are compared up to <see cref="Marks"/> or a way to end (<see cref="Answers.Ways"/>), as <c>family/op.field</c>.
    /// </summary>
    public static IReadOnlyDictionary<string, string> Values { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["mapops/mem_read.byte"] = Unwritten,
        ["udmabuf/mem_read.byte"] = Unwritten,
        ["udmabuf/mem_read.bytes"] = Unwritten,
        ["udmabuf/memfd_saw.byte"] = Unwritten,
        ["vgem/mem_read.runs"] = Unwritten,
        ["life/mem_read.runs"] = Unwritten,
        ["life/mem_read.byte"] = Unwritten,
        ["life/child_saw.byte"] = Unwritten,
        ["life/child_received.byte0"] = Unwritten,
        ["life/child_received.byte1_after_close"] = Unwritten,
        ["cc_import/import_until_fail.count"] = AnyStart,
        ["cc_import/import_until_fail.used"] = AnyStart,
        ["cc_fail_late/heap_alloc_fail_nth.fault_hit"] = Nth,
        ["fault/heap_alloc_fail_nth.fault_hit"] = Nth,
        ["fault/prime_import_fail_nth.fault_hit"] = Nth,
        ["fault/ioctl_fail_nth.fault_hit"] = Nth,
    };

    /// <summary>Words of this group keep their renaming for a boot, others for a case.</summary>
    public const string PerBoot = "context";

    /// <summary>Whether two texts are equal but for the words, and those are renamed one to one.</summary>
    public static bool Same(Row row, string recorded, string ours, Func<string, Renaming> renamings)
    {
        MatchCollection theirs = row.Words.Matches(recorded);
        MatchCollection own = row.Words.Matches(ours);
        if (theirs.Count != own.Count || row.Words.Replace(recorded, "") != row.Words.Replace(ours, ""))
        {
            return false;
        }

        return theirs.Zip(own).All(pair => GroupOf(pair.First) == GroupOf(pair.Second)
            && renamings(GroupOf(pair.First)).Match(pair.Second.Value, pair.First.Value));
    }

    private static string GroupOf(Match match) => match.Groups.Values.Skip(1).First(g => g.Success).Name;

    [GeneratedRegex(@"(?<=fence:)(?<context>[0-9]+)(?=:)|(?<=^\t)(?<driver>vgem|vkms)$", RegexOptions.Multiline)]
    private static partial Regex FencesAndDrivers();
}
