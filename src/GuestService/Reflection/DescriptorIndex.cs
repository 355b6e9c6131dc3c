using Google.Protobuf;
using Google.Protobuf.Reflection;
using ServiceDescriptor = Google.Protobuf.Reflection.ServiceDescriptor;

namespace CocoGuest.Service.Reflection;

/// <summary>
/// The descriptors behind a list of services, found by file name, by symbol (message, enumeration, service, method, extension) and by
/// extension. Built once; answers are in the serialized form that reflection sends.
/// </summary>
internal sealed class DescriptorIndex
{
    private readonly Dictionary<string, FileDescriptor> _files = new(StringComparer.Ordinal);
    private readonly Dictionary<string, FileDescriptor> _symbols = new(StringComparer.Ordinal);
    private readonly Dictionary<string, SortedDictionary<int, FileDescriptor>> _extensions = new(StringComparer.Ordinal);

    /// <summary>Builds the index.</summary>
    /// <param name="services">The services that are served.</param>
    /// <param name="details">Files that no service imports: error details travel as Any, and clients ask for their type.</param>
    internal DescriptorIndex(IEnumerable<ServiceDescriptor> services, IEnumerable<FileDescriptor> details)
    {
        var list = services.ToList();
        Services = [.. list.Select(service => service.FullName).Distinct().Order(StringComparer.Ordinal)];
        foreach (ServiceDescriptor? service in list)
        {
            AddFile(service.File);
        }

        foreach (FileDescriptor file in details)
        {
            AddFile(file);
        }
    }

    /// <summary>The full names of the services, in order.</summary>
    internal IReadOnlyList<string> Services { get; }

    /// <summary>The file of a name, or null.</summary>
    internal FileDescriptor? FileByName(string name) => _files.GetValueOrDefault(name);

    /// <summary>The file that declares a symbol, or null.</summary>
    internal FileDescriptor? FileOfSymbol(string fullName) => _symbols.GetValueOrDefault(fullName);

    /// <summary>The file that declares an extension of a message, or null.</summary>
    internal FileDescriptor? FileOfExtension(string message, int number) =>
        _extensions.TryGetValue(message, out SortedDictionary<int, FileDescriptor>? numbers) ? numbers.GetValueOrDefault(number) : null;

    /// <summary>The numbers of the known extensions of a message, in order; null if the message is not known.</summary>
    internal IReadOnlyCollection<int>? ExtensionsOf(string message) =>
        _extensions.TryGetValue(message, out SortedDictionary<int, FileDescriptor>? numbers) ? numbers.Keys : _symbols.ContainsKey(message) ? [] : null;

    /// <summary>A file, then all files that it imports directly or indirectly, each once.</summary>
    internal static IEnumerable<ByteString> WithImports(FileDescriptor file)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal) { file.Name };
        var queue = new Queue<FileDescriptor>([file]);
        while (queue.TryDequeue(out FileDescriptor? next))
        {
            yield return next.SerializedData;
            foreach (FileDescriptor? import in next.Dependencies.Where(import => seen.Add(import.Name)))
            {
                queue.Enqueue(import);
            }
        }
    }

    private void AddFile(FileDescriptor file)
    {
        if (!_files.TryAdd(file.Name, file))
        {
            return;
        }

        AddExtensions(file.Extensions);
        foreach (MessageDescriptor? message in file.MessageTypes)
        {
            AddMessage(message);
        }

        foreach (EnumDescriptor? type in file.EnumTypes)
        {
            _symbols[type.FullName] = file;
        }

        foreach (ServiceDescriptor? service in file.Services)
        {
            _symbols[service.FullName] = file;
            foreach (MethodDescriptor? method in service.Methods)
            {
                _symbols[method.FullName] = file;
            }
        }

        foreach (FileDescriptor? import in file.Dependencies)
        {
            AddFile(import);
        }
    }

    private void AddMessage(MessageDescriptor message)
    {
        _symbols[message.FullName] = message.File;
        AddExtensions(message.Extensions);
        foreach (EnumDescriptor? type in message.EnumTypes)
        {
            _symbols[type.FullName] = message.File;
        }

        foreach (MessageDescriptor? nested in message.NestedTypes)
        {
            AddMessage(nested);
        }
    }

    private void AddExtensions(ExtensionCollection extensions)
    {
        foreach (FieldDescriptor? extension in extensions.UnorderedExtensions)
        {
            _symbols[extension.FullName] = extension.File;
            string extended = extension.ExtendeeType.FullName;
            if (!_extensions.TryGetValue(extended, out SortedDictionary<int, FileDescriptor>? numbers))
            {
                _extensions[extended] = numbers = [];
            }

            numbers[extension.FieldNumber] = extension.File;
        }
    }
}
