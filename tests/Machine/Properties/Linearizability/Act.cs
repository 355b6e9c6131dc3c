namespace CocoGuest.Tests.Machine.Properties.Linearizability;

/// <summary>One call of a history.</summary>
internal readonly record struct Act(ActKind Kind, ulong Value)
{
    public override string ToString() => Kind is ActKind.Store or ActKind.DmaWrite ? $"{Kind}({Value:x})" : Kind.ToString();
}
