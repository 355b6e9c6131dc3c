using CocoGuest.Machine.Abi;
using CocoGuest.Service.Errors;
using CocoGuest.V1;
using Grpc.AspNetCore.Server;

namespace CocoGuest.Service.Access;

/// <summary>
/// The one place where a call is let in or refused, before gRPC sees it. It allocates nothing for a call that it lets in.
/// </summary>
internal static class AccessGate
{
    private static readonly Failure NoToken = new(Errno.EPERM, "authorize", "check bearer token",
        "Over TCP this call needs the header 'authorization: Bearer TOKEN' with the token that the server printed at its start; "
        + "over the Unix socket it needs none.");

    /// <summary>Puts the gate in front of all endpoints.</summary>
    public static void UseAccessGate(this IApplicationBuilder app, AccessTable rights, BearerToken token) => app.Use(next => http =>
        !NeedsToken(rights, http) || http.Features.Get<UnixPeer>() is not null || token.Matches(http.Request.Headers.Authorization)
            ? next(http)
            : GrpcErrors.Refuse(http, NoToken));

    private static bool NeedsToken(AccessTable rights, HttpContext http) => rights.RightOf(http.Request.Path.Value ?? "") switch
    {
        Right.Own => false,
        // A method that is mapped and not in the table takes the highest right. A path that no service has goes on, so that gRPC can answer
        // UNIMPLEMENTED.
        Right.Unspecified => http.GetEndpoint()?.Metadata.GetMetadata<GrpcMethodMetadata>() is not null,
        _ => true,
    };
}
