namespace CocoGuest.Tests.Service.Hosting;

/// <summary>Runs every <see cref="ServerTest"/> alone: they count the fds of the process.</summary>
[CollectionDefinition(ServerTest.Name, DisableParallelization = true)]
public sealed class ServerTests;
