namespace CocoGuest.Tests.Machine.Properties.Linearizability;

/// <summary>A call that was made: by whom, what, its answer, and its first and last moment on one clock of all threads.</summary>
internal readonly record struct Done(int Thread, Act Act, Answer Answer, long Began, long Ended)
{
    public override string ToString() => $"thread {Thread} [{Began}-{Ended}] {Act} = {Answer}";
}
