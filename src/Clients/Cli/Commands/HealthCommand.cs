using System.CommandLine;
using Grpc.Health.V1;

namespace CocoGuest.Cli.Commands;

/// <summary><c>coco health</c>.</summary>
internal static class HealthCommand
{
    public static Command Make(CommandFactory factory)
    {
        const string Description = "Asks whether the server serves. Exit code 0: yes; 1: no; 3: nobody answers.";
        var service = new Option<string>("--service")
        {
            Description = "A service. Default: the server as a whole.",
            DefaultValueFactory = _ => "",
        };
        return factory.Run("health", Description, [service], async (connection, p, output, cancel) =>
        {
            var request = new HealthCheckRequest { Service = p.GetValue(service) };
            HealthCheckResponse answer = await connection.Health.CheckAsync(request, cancellationToken: cancel);
            output.Message(answer);
            return answer.Status == HealthCheckResponse.Types.ServingStatus.Serving ? 0 : 1;
        });
    }
}
