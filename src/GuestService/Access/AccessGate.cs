using CocoGuest.Machine.Abi;
using CocoGuest.Service.Errors;
using CocoGuest.V1;
using Google.Protobuf;
using Grpc.AspNetCore.Server;

namespace CocoGuest.Service.Access;

/// <summary>
/// The one place where a call is let in or refused: by its method before gRPC sees it, then by the fields of its request. It allocates
/// nothing for a call that it lets in.
/// </summary>
internal sealed class AccessGate(AccessTable rights, BearerToken token)
{
    private static readonly Failure NoToken = new(Errno.EPERM, "authorize", "check bearer token",
        "Over TCP this call needs the header 'authorization: Bearer TOKEN' with the token that the server printed at its start; "
        + "over the Unix socket it needs none.");

    /// <summary>Puts the gate in front of all endpoints.</summary>
    public void Use(IApplicationBuilder app) => app.Use(next => http =>
        !NeedsToken(http) || MayAll(http) ? next(http) : GrpcErrors.Refuse(http, NoToken));

    /// <summary>Whether the caller is the owner: a peer of the Unix socket, whose uid was checked, or whoever shows the token.</summary>
    public bool MayAll(HttpContext http) =>
        http.Features.Get<UnixPeer>() is { MayConnect: true } || token.Matches(http.Request.Headers.Authorization);

    /// <summary>EPERM for a request whose fields reach farther than its caller.</summary>
    public Failure? Refusal<TRequest>(TRequest request, HttpContext http)
        where TRequest : class
    {
        var fields = FieldRights.Of<TRequest>();
        return fields.None ? null : fields.Refusal((IMessage)request, MayAll(http));
    }

    /// <summary>Takes out of an answer what its caller may not know.</summary>
    public TAnswer Cleared<TAnswer>(TAnswer answer, HttpContext http)
        where TAnswer : class
    {
        if (!MayAll(http))
        {
            FieldRights.Of<TAnswer>().Clear((IMessage)answer);
        }

        return answer;
    }

    private bool NeedsToken(HttpContext http) => rights.RightOf(http.Request.Path.Value ?? "") switch
    {
        Right.Own => false,
        // A method that is mapped and not in the table takes the highest right. A path that no service has goes on, so that gRPC can answer
        // UNIMPLEMENTED.
        Right.Unspecified => http.GetEndpoint()?.Metadata.GetMetadata<GrpcMethodMetadata>() is not null,
        _ => true,
    };
}
