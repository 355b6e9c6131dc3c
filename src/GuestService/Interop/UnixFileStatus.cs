namespace CocoGuest.Service.Interop;

/// <summary>What of a file decides who may use it.</summary>
/// <param name="Owner">Owner's uid.</param>
/// <param name="Type">Kind of file.</param>
/// <param name="Mode">Permission bits.</param>
internal readonly record struct UnixFileStatus(uint Owner, UnixFileType Type, UnixFileMode Mode);
