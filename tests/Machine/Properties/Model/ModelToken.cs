using CocoGuest.Machine.Abi;

namespace CocoGuest.Tests.Machine.Properties.Model;

/// <summary>A share token in flight. Addressee 0: any process.</summary>
internal sealed record ModelToken(Handle128 Token, ulong Inode, uint Addressee, long Expires);
