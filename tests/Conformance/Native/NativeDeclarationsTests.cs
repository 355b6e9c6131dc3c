namespace CocoGuest.Tests.Conformance.Native;

/// <summary>One place for native calls (src/Linux), and each of them once; the machine has of it what is deterministic.</summary>
public sealed class NativeDeclarationsTests
{
    private const string Home = "src/Linux/";

    [Fact]
    public void NativeDeclarations_OfAllSources_AreInTheirHomeOnly() => Assert.Empty(
        from source in Repository.Sources("src", "tests")
        where !source.Path.StartsWith(Home, StringComparison.Ordinal)
        from name in NativeDeclarations.In(source.Text)
        select $"{source.Path}: {name}");

    [Fact]
    public void NativeDeclarations_OfAClass_DeclareEachFunctionOnce()
    {
        // Libc.Files.cs and its siblings are one class.
        string[] declared =
        [
            .. from source in Repository.Sources(Home)
               from name in NativeDeclarations.In(source.Text)
               select $"{Path.GetFileName(source.Path).Split('.')[0]}.{name}",
        ];
        Assert.Contains("Libc.recvmsg", declared);
        Assert.Contains("BareLibc.fork", declared);
        Assert.Empty(declared.GroupBy(name => name).Where(group => group.Count() > 1).Select(group => group.Key));
    }

    [Fact]
    public void Machine_OfTheHost_UsesMemoryOnly() => Assert.Empty(
        from source in Repository.Sources("src/GuestMachine")
        from room in NativeDeclarations.RoomsIn(source.Text)
        where room != "Memory"
        select $"{source.Path}: {room}");

    [Theory]
    [InlineData("    [LibraryImport(\"libc\", EntryPoint = \"read\", SetLastError = true)]", "read")]
    [InlineData("[SuppressGCTransition, DllImport(Library, EntryPoint = \"getpid\")]", "getpid")]
    [InlineData("    [LibraryImport(\"libc\")]", "")]
    [InlineData("\n  [System.Runtime.InteropServices.DllImportAttribute(\n    \"libc\",\n    EntryPoint = \"poll\")]", "poll")]
    public void In_PlantedDeclaration_IsSeen(string planted, string name) => Assert.Equal([name], NativeDeclarations.In(planted));

    [Theory]
    [InlineData("using CocoGuest.Linux;", "")]
    [InlineData("using CocoGuest.Linux.Files;", "Files")]
    [InlineData("_ = Linux.Processes.UnixUser.RealId;", "Processes")]
    public void RoomsIn_PlantedUse_IsSeen(string planted, string room) => Assert.Equal([room], NativeDeclarations.RoomsIn(planted));
}
