using System.Collections;
using CocoGuest.Machine.Abi;
using CocoGuest.V1;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace CocoGuest.Service.Access;

/// <summary>
/// The fields of a message that take more than its method does, as the .proto files declare them with the option
/// <c>cocoguest.v1.widens_to</c>: a right that hung on the method alone would let a field decide how far a call reaches.
/// </summary>
/// <remarks>
/// A type is looked through when its first message comes, and never at the start. Nearly all types have no such field and cost a
/// comparison. gRPC's calls and the control protocol's come through <see cref="Refusal"/>, and through nothing else.
/// </remarks>
internal sealed class FieldRights
{
    private readonly FieldDescriptor[] _fields;
    private readonly (FieldDescriptor Field, FieldRights Rights)[] _nested;

    private FieldRights(MessageDescriptor type, HashSet<MessageDescriptor> above)
    {
        FieldDescriptor[] all = [.. type.Fields.InDeclarationOrder()];
        _fields = [.. all.Where(f => f.GetOptions()?.GetExtension(AccessExtensions.WidensTo) is Right.Host)];
        HashSet<MessageDescriptor> seen = [.. above, type];
        _nested =
        [
            .. all.Where(f => f.FieldType == FieldType.Message && !f.IsMap && !seen.Contains(f.MessageType))
                .Select(f => (f, new FieldRights(f.MessageType, seen)))
                .Where(n => !n.Item2.None),
        ];
    }

    /// <summary>True for a type without such fields, also inside of its fields.</summary>
    public bool None => _fields.Length == 0 && _nested.Length == 0;

    /// <summary>The fields of a type.</summary>
    public static FieldRights Of(MessageDescriptor type) => new(type, []);

    /// <summary>The fields of a generated type; found once.</summary>
    public static FieldRights Of<TMessage>()
        where TMessage : class => Known<TMessage>.Rights;

    /// <summary>EPERM for a request that says something in such a field.</summary>
    /// <param name="request">The request.</param>
    /// <param name="mayAll">Whether the caller has every right: he showed the token, or is a peer of the Unix socket.</param>
    public Failure? Refusal(IMessage request, bool mayAll) => mayAll || FirstIn(request) is not { } field
        ? null
        : new Failure(Errno.EPERM, "authorize", "check field",
            $"'{field.Name}' reaches beyond one's own process: over TCP it needs the header 'authorization: Bearer TOKEN' with the token "
            + "that the server printed at its start; over the Unix socket it needs none.", field.Name);

    /// <summary>Takes such fields out of an answer to somebody who has not every right.</summary>
    public void Clear(IMessage answer)
    {
        foreach (FieldDescriptor field in _fields)
        {
            field.Accessor.Clear(answer);
        }

        foreach ((FieldDescriptor field, FieldRights rights) in _nested)
        {
            foreach (IMessage part in PartsOf(answer, field))
            {
                rights.Clear(part);
            }
        }
    }

    private FieldDescriptor? FirstIn(IMessage message)
    {
        foreach (FieldDescriptor field in _fields)
        {
            if (Says(message, field))
            {
                return field;
            }
        }

        foreach ((FieldDescriptor field, FieldRights rights) in _nested)
        {
            if (PartsOf(message, field).Select(rights.FirstIn).FirstOrDefault(f => f is not null) is { } found)
            {
                return found;
            }
        }

        return null;
    }

    private static bool Says(IMessage message, FieldDescriptor field)
    {
        if (field.HasPresence)
        {
            return field.Accessor.HasValue(message);
        }

        return field.Accessor.GetValue(message) switch
        {
            string text => text.Length != 0,
            ByteString bytes => !bytes.IsEmpty,
            ICollection many => many.Count != 0,
            var number => !number.Equals(Activator.CreateInstance(number.GetType())),
        };
    }

    private static IEnumerable<IMessage> PartsOf(IMessage message, FieldDescriptor field) => field.Accessor.GetValue(message) switch
    {
        IEnumerable many => many.Cast<IMessage>(),
        IMessage one => [one],
        _ => [],
    };

    private static class Known<TMessage>
        where TMessage : class
    {
        public static readonly FieldRights Rights = Of(((IMessage)Activator.CreateInstance<TMessage>()).Descriptor);
    }
}
