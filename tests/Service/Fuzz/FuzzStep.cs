using System.Collections;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace CocoGuest.Tests.Service.Fuzz;

/// <summary>A call that a client makes before another one, with what is known by then.</summary>
/// <param name="Method">Name of the method; null: no call, only values to set.</param>
/// <param name="Set">Values of fields that no former call knows.</param>
internal sealed record FuzzStep(string? Method, params (string Field, object Value)[] Set)
{
    /// <summary>A field of the answer that is kept under another name: the next call's answer would take its place.</summary>
    public (string Field, string Name)? Kept { get; init; }

    /// <summary>Values for what follows.</summary>
    public static FuzzStep Setting(params (string Field, object Value)[] set) => new(null, set);

    /// <summary>The request, with all that a scene knows.</summary>
    public static byte[] Request(MessageDescriptor type, IReadOnlyDictionary<string, object> scene) => Fill(type, scene).ToByteArray();

    private static IMessage Fill(MessageDescriptor type, IReadOnlyDictionary<string, object> scene)
    {
        IMessage message = type.Parser.ParseFrom([]);
        foreach (FieldDescriptor field in type.Fields.InDeclarationOrder())
        {
            object? value = field.FieldType == FieldType.Message ? Fill(field.MessageType, scene)
                : FuzzPool.In(scene, field.Name) is { } known ? Convert(known, field)
                : null;
            if (value is not null && field.IsRepeated)
            {
                ((IList)field.Accessor.GetValue(message)).Add(value);
            }
            else if (value is not null)
            {
                field.Accessor.SetValue(message, value);
            }
        }

        return message;
    }

    private static object? Convert(object value, FieldDescriptor field) => field.FieldType switch
    {
        FieldType.String => value as string,
        FieldType.Bool => value as bool?,
        FieldType.Enum => value.GetType() == field.EnumType.ClrType ? value : null,
        FieldType.UInt64 or FieldType.Fixed64 => FuzzPool.Number(value),
        FieldType.UInt32 or FieldType.Fixed32 => (uint?)FuzzPool.Number(value),
        FieldType.Int32 or FieldType.SInt32 => (int?)FuzzPool.Number(value),
        FieldType.Int64 or FieldType.SInt64 => (long?)FuzzPool.Number(value),
        _ => null,
    };
}
