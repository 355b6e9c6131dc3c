namespace CocoGuest.Tests.Machine.Properties.Linearizability;

/// <summary>
/// What threads did at the same time, and whether it could have been one after another: some order of the calls, in which no call comes
/// before one that had ended when it began, gives all the answers by the specification. All orders are tried.
/// </summary>
internal sealed class History(IReadOnlyList<Done> calls)
{
    /// <summary>Throws unless there is such an order.</summary>
    public void Check() =>
        Violation.Unless(Explains(Spec.Start, 0), $"no order of these calls gives these answers:\n{string.Join('\n', calls)}");

    private bool Explains(Spec state, int made)
    {
        if (made == (1 << calls.Count) - 1)
        {
            return true;
        }

        for (int i = 0; i < calls.Count; i++)
        {
            if ((made & (1 << i)) == 0 && MayBeNext(i, made))
            {
                (Spec after, Answer answer) = state.Apply(calls[i].Act);
                if (answer == calls[i].Answer && Explains(after, made | (1 << i)))
                {
                    return true;
                }
            }
        }

        return false;
    }

    // No call that is still to come had ended before this one began.
    private bool MayBeNext(int call, int made)
    {
        for (int i = 0; i < calls.Count; i++)
        {
            if ((made & (1 << i)) == 0 && calls[i].Ended < calls[call].Began)
            {
                return false;
            }
        }

        return true;
    }
}
