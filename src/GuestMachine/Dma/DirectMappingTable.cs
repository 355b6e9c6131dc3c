using System.Text;

namespace CocoGuest.Machine.Dma;

/// <summary>
/// A decision table of direct mapping (S-DMA-30..33): the first matching row wins.
/// The rows are the data; because there are only ten inputs, the answer to every combination is worked out once, when the table is made.
/// </summary>
public sealed class DirectMappingTable
{
    private const MappingInputs Given = MappingInputs.CapableChosen - 1;

    private static readonly (MappingInputs Input, string Name)[] Names =
    [
        (MappingInputs.ForcedBounce, "FB"),
        (MappingInputs.CcShared, "CC"),
        (MappingInputs.Mmio, "MMIO"),
        (MappingInputs.RequireCoherent, "RC"),
        (MappingInputs.SwiotlbActive, "SA"),
        (MappingInputs.HostMemEncrypt, "HOST_MEM_ENCRYPT"),
        (MappingInputs.CapablePhys, "capable(phys)"),
        (MappingInputs.CapablePrivate, "capable(private)"),
        (MappingInputs.CapableUnencrypted, "capable(unencrypted)"),
        (MappingInputs.CapableChosen, "capable(address)"),
        (MappingInputs.KmallocBounce, "KB"),
    ];

    private static readonly string[] ActionTexts =
    [
        "CC is added", "address = CC ? unencrypted : private", "phys", "private address", "unencrypted address", "address", "swiotlb map",
        "ERROR, silent", "Warn (phys)", "Warn (private)", "Warn (unencrypted)", "Warn (address)", "Warn (uninitialised address)",
    ];

    private readonly MappingAction[] _answers = new MappingAction[(int)Given + 1];

    /// <summary>A table of rows; together they must answer every combination of inputs.</summary>
    /// <param name="name">Kernel profiles it stands for.</param>
    /// <param name="statement">The statement it follows.</param>
    /// <param name="rows">The rows in order.</param>
    public DirectMappingTable(string name, string statement, params MappingRow[] rows)
    {
        Name = name;
        Statement = statement;
        Rows = rows;
        for (int i = 0; i < _answers.Length; i++)
        {
            _answers[i] = Walk((MappingInputs)i);
        }
    }

    /// <summary>Kernel profiles it stands for.</summary>
    public string Name { get; }

    /// <summary>The statement it follows.</summary>
    public string Statement { get; }

    /// <summary>The rows in order.</summary>
    public IReadOnlyList<MappingRow> Rows { get; }

    /// <summary>
    /// The action that ends the walk for these inputs. "Chosen" is already resolved to private or unencrypted.
    /// </summary>
    public MappingAction Decide(MappingInputs inputs) => _answers[(int)(inputs & Given)];

    /// <summary>The table as markdown, for the generated documentation.</summary>
    public string ToMarkdown()
    {
        StringBuilder text = new StringBuilder().Append($"**{Name}** ({Statement})\n\n| # | condition | result |\n|---|---|---|\n");
        foreach (MappingRow row in Rows)
        {
            text.Append($"| {row.Number} | {Condition(row)} | {ActionTexts[(int)row.Action]} |\n");
        }

        return text.ToString();
    }

    private static string Condition(MappingRow row)
    {
        string any = string.Join(" or ", NamesIn(row.Any));
        IEnumerable<string> parts = NamesIn(row.All).Concat(NamesIn(row.Not).Select(name => "not " + name));
        if (any.Length != 0)
        {
            parts = parts.Append($"({any})");
        }

        string condition = string.Join(", ", parts);
        return condition.Length == 0 ? "–" : condition;
    }

    private static IEnumerable<string> NamesIn(MappingInputs inputs) =>
        Names.Where(pair => (inputs & pair.Input) != 0).Select(pair => pair.Name);

    private MappingAction Walk(MappingInputs inputs)
    {
        foreach (MappingRow row in Rows)
        {
            if (!row.Matches(WithChosen(inputs)))
            {
                continue;
            }

            if (row.Action == MappingAction.AddCcShared)
            {
                inputs |= MappingInputs.CcShared;
            }
            else if (row.Action != MappingAction.ChooseAddress)
            {
                return Resolve(row.Action, (inputs & MappingInputs.CcShared) != 0);
            }
        }

        throw new ArgumentException($"Table {Name} has no row for {inputs}.", nameof(inputs));
    }

    private static MappingInputs WithChosen(MappingInputs inputs)
    {
        MappingInputs capable = (inputs & MappingInputs.CcShared) != 0 ? MappingInputs.CapableUnencrypted : MappingInputs.CapablePrivate;
        return (inputs & capable) != 0 ? inputs | MappingInputs.CapableChosen : inputs;
    }

    private static MappingAction Resolve(MappingAction action, bool shared) => (action, shared) switch
    {
        (MappingAction.Chosen, true) => MappingAction.Unencrypted,
        (MappingAction.Chosen, false) => MappingAction.Private,
        (MappingAction.WarnChosen, true) => MappingAction.WarnUnencrypted,
        (MappingAction.WarnChosen, false) => MappingAction.WarnPrivate,
        _ => action,
    };
}
