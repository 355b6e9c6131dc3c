using System.Text.Encodings.Web;
using System.Text.Json;

namespace CocoGuest.Tests.Replay;

/// <summary>JSON text as the recorder writes it: nothing escaped that need not be.</summary>
internal static class Escaping
{
    public static JsonSerializerOptions AsRecorded { get; } = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
}
