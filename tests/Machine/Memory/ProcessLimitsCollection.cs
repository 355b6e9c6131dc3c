namespace CocoGuest.Tests.Machine.Memory;

/// <summary>Classes that change limits of the whole process: they run when no other class does.</summary>
[CollectionDefinition("process limits", DisableParallelization = true)]
public sealed class ProcessLimitsCollection;
