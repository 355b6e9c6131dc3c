using CocoGuest.Tests.Service.Grpc.Probing;
using Grpc.Core;

namespace CocoGuest.Tests.Service.Grpc;

/// <summary>A service that is bound to the server by its definition, not by its type.</summary>
internal sealed class BoundService : Bound.BoundBase
{
    public override Task<ProbeReply> Unary(ProbeRequest request, ServerCallContext context) =>
        Task.FromResult(new ProbeReply { Text = "bound " + request.Text });
}
