namespace CocoGuest.Tests.Machine.Properties;

/// <summary>One step: its kind, and a number from which all its choices follow. Any sequence of steps is a valid one.</summary>
internal readonly record struct Op(OpKind Kind, int Bits)
{
    public override string ToString() => $"{Kind}:{Bits}";
}
