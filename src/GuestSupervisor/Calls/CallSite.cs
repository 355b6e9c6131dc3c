using System.Globalization;
using System.Runtime.InteropServices;
using CocoGuest.Supervisor.Target;

namespace CocoGuest.Supervisor.Calls;

/// <summary>
/// Where in the program a call was made, as addr2line takes it: the first address on the stack that lies in the program's own code,
/// since the call itself is made by libc. A guess where code was compiled without frames; never more than a hint for people.
/// </summary>
internal static class CallSite
{
    private const int StackWords = 256;

    /// <summary>File and offset.</summary>
    public static string Of(StoppedCall call, int pid)
    {
        HostMap[] code = [.. ProcFolder.MapsOf(pid).Where(m => m.Rights[2] == 'x')];
        string? program = ProcFolder.LinkOf(pid, "exe");
        HostMap? direct = Find(code, call.InstructionPointer);
        if (direct?.Name == program || ProcFolder.StackPointerOf(call.Tid) is not { } stack)
        {
            return Text(direct, call.InstructionPointer);
        }

        HostMap[] own = [.. code.Where(m => m.Name == program)];
        Span<ulong> words = stackalloc ulong[StackWords];
        if (call.Memory.TryRead(stack, MemoryMarshal.AsBytes(words)))
        {
            foreach (ulong word in words)
            {
                if (Find(own, word) is { } map)
                {
                    return Text(map, word);
                }
            }
        }

        return Text(direct, call.InstructionPointer);
    }

    private static HostMap? Find(HostMap[] code, ulong address) => Array.Find(code, m => m.Start <= address && address < m.End);

    private static string Text(HostMap? map, ulong address) => map is null
        ? string.Create(CultureInfo.InvariantCulture, $"0x{address:x}")
        : string.Create(CultureInfo.InvariantCulture, $"{Path.GetFileName(map.Name)}+0x{address - map.Start + map.Offset:x}");
}
