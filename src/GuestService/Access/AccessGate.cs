using CocoGuest.Machine.Abi;
using CocoGuest.Service.Errors;
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
    public static void UseAccessGate(this IApplicationBuilder app, BearerToken token) => app.Use(next => http =>
    {
        // A path that no service has goes on, so that gRPC can answer UNIMPLEMENTED.
        bool needsToken = AccessPolicy.ByPath.TryGetValue(http.Request.Path.Value ?? "", out Right right)
            ? right == Right.Host
            : http.GetEndpoint()?.Metadata.GetMetadata<GrpcMethodMetadata>() is not null;
        return !needsToken || http.Features.Get<UnixPeer>() is not null || token.Matches(http.Request.Headers.Authorization)
            ? next(http)
            : GrpcErrors.Refuse(http, NoToken);
    });
}
