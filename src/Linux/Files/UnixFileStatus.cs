namespace CocoGuest.Linux.Files;

/// <summary>What of a file decides who may use it.</summary>
/// <param name="Owner">Owner's uid.</param>
/// <param name="Type">Kind of file.</param>
/// <param name="Mode">Permission bits.</param>
public readonly record struct UnixFileStatus(uint Owner, UnixFileType Type, UnixFileMode Mode);
