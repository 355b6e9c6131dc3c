using CocoGuest.Service.Errors;
using Grpc.Core;
using Grpc.Health.V1;
using static Grpc.Health.V1.HealthCheckResponse.Types;
using HealthV1 = Grpc.Health.V1.Health;

namespace CocoGuest.Service.Health;

/// <summary>Serves <c>grpc.health.v1.Health</c> from a <see cref="HealthState"/>.</summary>
internal sealed class HealthService(HealthState state) : HealthV1.HealthBase
{
    /// <summary>Answers the present status; an unknown service is <see cref="StatusCode.NotFound"/>.</summary>
    public override Task<HealthCheckResponse> Check(HealthCheckRequest request, ServerCallContext context) =>
        state.GetStatus(request.Service) is { } status
            ? Task.FromResult(new HealthCheckResponse { Status = status })
            : throw new RpcException(new Status(StatusCode.NotFound, $"service '{GrpcErrors.Shorten(request.Service)}' is not known here"));

    /// <summary>Answers the present status and each change, until the client cancels or the server stops (Unavailable).</summary>
    public override async Task Watch(
        HealthCheckRequest request, IServerStreamWriter<HealthCheckResponse> responseStream, ServerCallContext context)
    {
        using HealthWatch watch = state.Watch(request.Service);
        ServingStatus? sent = null;
        try
        {
            await foreach (ServingStatus status in watch.Updates.ReadAllAsync(context.CancellationToken))
            {
                if (status != sent)
                {
                    await responseStream.WriteAsync(new HealthCheckResponse { Status = status }, context.CancellationToken);
                    sent = status;
                }
            }
        }
        catch (Exception) when (context.CancellationToken.IsCancellationRequested)
        {
            // The usual end of a watch: nobody is left to be told.
            return;
        }

        throw new RpcException(new Status(StatusCode.Unavailable, "the server is stopping"));
    }
}
