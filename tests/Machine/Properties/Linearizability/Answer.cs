using CocoGuest.Machine.Abi;

namespace CocoGuest.Tests.Machine.Properties.Linearizability;

/// <summary>What a call answered: an errno, or a value (0 where there is none).</summary>
internal readonly record struct Answer(Errno Errno, ulong Value)
{
    public static implicit operator Answer(Errno errno) => new(errno, 0);

    public override string ToString() => Errno == Errno.None ? $"{Value:x}" : Errno.ToString();
}
