namespace CocoGuest.Tests.Machine.Properties;

/// <summary>What a checker throws: the machine is not what the model says.</summary>
internal sealed class Violation(string message) : Exception(message)
{
    /// <summary>Throws; for loops in which not even the message's parts may cost anything.</summary>
    public static void Now(FormattableString message) => Unless(false, message);

    /// <summary>Throws unless the condition holds.</summary>
    public static void Unless(bool holds, FormattableString message)
    {
        if (!holds)
        {
            throw new Violation(FormattableString.Invariant(message));
        }
    }
}
