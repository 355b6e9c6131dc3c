using CocoGuest.V1;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace CocoGuest.Service.Reflection;

/// <summary>The API's files with the comments of their sources, which the descriptors of generated code leave out.</summary>
internal static class CommentedFiles
{
    private const string Resource = "descriptors.binpb";

    /// <summary>All files of <c>cocoguest.v1</c>, and what they import.</summary>
    public static IReadOnlyList<FileDescriptor> Read()
    {
        using Stream bytes = typeof(GuestService).Assembly.GetManifestResourceStream(Resource)!;
        FileDescriptorSet files = FileDescriptorSet.Parser.ParseFrom(bytes);
        // The compiler wrote each behind those that it imports.
        return FileDescriptor.BuildFromByteStrings(files.File.Select(file => file.ToByteString()));
    }
}
