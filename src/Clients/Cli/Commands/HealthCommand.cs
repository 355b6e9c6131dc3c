using System.CommandLine;
using Grpc.Health.V1;

namespace CocoGuest.Cli.Commands;

/// <summary><c>coco health</c>.</summary>
internal static class HealthCommand
{
    public static Command Make(CommandFactory factory)
    {
        var service = new Option<string>("--service") { Description = "A service. Default: the server as a whole.", DefaultValueFactory = _ => "" };
        return factory.Run("health", "Asks whether the server serves. Exit code 0: yes; 1: no; 3: nobody answers.", [service], async (connection, p, output, cancel) =>
        {
            var answer = await connection.Health.CheckAsync(new HealthCheckRequest { Service = p.GetValue(service) }, cancellationToken: cancel);
            output.Message(answer);
            return answer.Status == HealthCheckResponse.Types.ServingStatus.Serving ? 0 : 1;
        });
    }
}
