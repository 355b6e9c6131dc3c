using System.Globalization;
using CocoGuest.Client;
using CocoGuest.V1;

namespace CocoGuest.Cli.Demo;

/// <summary>Page states of a guest at one moment, as runs.</summary>
/// <param name="runs">The runs, by address.</param>
internal sealed class PageStates(IReadOnlyList<PageStateRun> runs)
{
    /// <summary>Takes them all.</summary>
    public static async Task<PageStates> TakeAsync(CocoConnection connection, string guest, CancellationToken cancel)
    {
        var runs = new List<PageStateRun>();
        var request = new GetPageStatesRequest { Guest = guest };
        do
        {
            GetPageStatesResponse answer = await connection.Hypervisor.GetPageStatesAsync(request, cancellationToken: cancel);
            runs.AddRange(answer.Runs);
            request.Address = answer.NextAddress;
        }
        while (request.Address != 0);
        return new PageStates(runs);
    }

    /// <summary>How the pages of some chunks stand, for example <c>920 shared/HYPERVISOR</c>.</summary>
    public string Summarize(IEnumerable<(ulong Address, ulong Length)> chunks)
    {
        var pages = new SortedDictionary<string, ulong>(StringComparer.Ordinal);
        foreach ((ulong address, ulong length) in chunks)
        {
            foreach (PageStateRun run in runs)
            {
                (ulong low, ulong high) = (Math.Max(address, run.Address), Math.Min(address + length, run.Address + run.Length));
                if (low >= high)
                    continue;
                string state = run.HostState.Length == 0 ? run.GuestState : $"{run.GuestState}/{run.HostState}";
                pages[state] = pages.GetValueOrDefault(state) + ((high - low) / 4096);
            }
        }

        return string.Join(", ", pages.Select(p => string.Create(CultureInfo.InvariantCulture, $"{p.Value} {p.Key}")));
    }
}
