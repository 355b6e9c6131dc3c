using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Memory.Frames;

namespace CocoGuest.Machine.Mappings;

/// <summary>The lines of /proc/self/smaps that matter for buffers (S-BUF-36).</summary>
/// <param name="Permissions">As in the first line: <c>rw-s</c>.</param>
/// <param name="Name">The mapping's name: <c>/dmabuf:</c> and the buffer's name; empty for anonymous memory.</param>
/// <param name="VmFlags">The VmFlags line's two-letter words, each followed by a blank.</param>
/// <param name="ResidentKilobytes">Rss; 0 for mappings by page-frame number.</param>
public sealed record SmapsEntry(string Permissions, string Name, string VmFlags, ulong ResidentKilobytes)
{
    internal static SmapsEntry Of(Vma vma, AddressSpace space)
    {
        // A shared mapping of a file without write access keeps only "may share".
        bool sharedWritable = !vma.Private && vma.May.HasFlag(MapProtection.Write);
        (bool On, string Word)[] flags =
        [
            (vma.Protection.HasFlag(MapProtection.Read), "rd"), (vma.Protection.HasFlag(MapProtection.Write), "wr"),
            (vma.Protection.HasFlag(MapProtection.Execute), "ex"), (sharedWritable, "sh"), (vma.May.HasFlag(MapProtection.Read), "mr"),
            (vma.May.HasFlag(MapProtection.Write), "mw"), (vma.May.HasFlag(MapProtection.Execute), "me"), (!vma.Private, "ms"),
            (vma.ByPageFrame, "pf"), (vma.ByPageFrame, "io"), (vma.NotForked, "dc"), (vma.ByPageFrame, "de"),
            (vma.WipedOnFork, "wf"), (vma.ByPageFrame || vma.NotDumped, "dd"),
        ];
        ulong resident = vma.ByPageFrame && !vma.Private
            ? 0
            : (ulong)space.Pages.Keys.Count(a => a >= vma.Start && a < vma.End) * (Page.Size >> 10);
        return new SmapsEntry(
            $"{Letter('r', MapProtection.Read)}{Letter('w', MapProtection.Write)}"
                + $"{Letter('x', MapProtection.Execute)}{(vma.Private ? 'p' : 's')}",
            vma.File?.MappingName ?? "",
            string.Concat(flags.Where(f => f.On).Select(f => f.Word + " ")),
            resident);


        char Letter(char letter, MapProtection right) => vma.Protection.HasFlag(right) ? letter : '-';
    }
}
