using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;
using CocoGuest.Service.Logging;
using Microsoft.Extensions.Logging;

namespace CocoGuest.Tests.Service.Hosting;

/// <summary>docs/operations.md lists the server's messages, each once, as they are; nothing in them can be a client's words.</summary>
public sealed partial class LogDocumentTests
{
    // What a client chose may be a secret, or a line that looks like another message.
    private static readonly string[] ClientsWords = ["Name", "Data", "Token", "Secret", "Handle", "Program"];

    private static readonly LoggerMessageAttribute[] Messages =
    [
        .. typeof(ServiceLog).GetMethods(BindingFlags.Public | BindingFlags.Static)
            .Select(method => method.GetCustomAttribute<LoggerMessageAttribute>()).OfType<LoggerMessageAttribute>(),
    ];

    [Fact]
    public async Task Document_OfAllMessages_HasThemInOrder()
    {
        string document = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "docs/operations.md"));
        string[] rows = [.. Row().Matches(document).Select(match => match.Value)];

        Assert.Equal(
            Messages.OrderBy(m => m.EventId)
                .Select(m => string.Create(
                    CultureInfo.InvariantCulture, $"| {m.EventId} | {m.Level.ToString().ToLowerInvariant()} | {m.Message} |")),
            rows);
    }

    [Fact]
    public void Ids_OfAllMessages_AreOnes() => Assert.DoesNotContain(
        Messages.GroupBy(m => m.EventId), group => group.Count() > 1);

    [Fact]
    public void Messages_OfAnyEvent_HoldNoClientsWords() => Assert.DoesNotContain(
        Messages, m => ClientsWords.Any(word => m.Message.Contains($"{{{word}}}", StringComparison.Ordinal)));

    [GeneratedRegex(@"^\| \d+ \| (trace|debug|information|warning|error|critical) \| .*\|$", RegexOptions.Multiline)]
    private static partial Regex Row();
}
