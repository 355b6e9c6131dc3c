namespace CocoGuest.Tests.Machine.Properties.Model;

/// <summary>A device and the process that registered it.</summary>
internal sealed record ModelDevice(uint Pid, string Name, bool Trusted, bool Mediated);
