using System.Runtime.Versioning;

// Peer credentials, memfds and pidfds: Linux is all there is.
[assembly: SupportedOSPlatform("linux")]
